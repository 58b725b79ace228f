import { ApiError } from "@towermill/contract";
import type { NewJob } from "@towermill/queue";
import { scheduleCreator, scheduledRun } from "@towermill/runnable";
import type { TickerContext } from "./context.ts";
import { principalOf, type Schedule } from "./schedule.ts";

interface Run {
  id: string;
  due: Date;
  /** Not before this moment; absent = when it is due. */
  notBefore?: Date;
  /** JSON text; absent = the schedule's. */
  args?: string;
}

/** The job of one run of a schedule. @throws ApiError when it can never run as it is */
export function runJob(
  { unattended }: TickerContext,
  schedule: Schedule,
  { id, due, notBefore, args }: Run,
): Promise<NewJob> {
  return unattended.job(
    scheduledRun(schedule, { id, notBefore: notBefore ?? due, ...(args === undefined ? {} : { args }) }),
  );
}

/** The job that asks the schedule's script whether a moment is left out. It is no run of the schedule itself. */
export async function skipScriptJob(
  { unattended }: TickerContext,
  schedule: Schedule,
  { id, due }: Run,
): Promise<NewJob> {
  try {
    return await unattended.job({
      runnable: { path: (schedule.options.dynamic_skip ?? "").replace(/^script\//, ""), isFlow: false },
      args: JSON.stringify({ scheduled_for: due.toISOString() }),
      as: principalOf(schedule),
      createdBy: scheduleCreator(schedule),
      triggerKind: null,
      triggerPath: null,
      options: { job_id: id, scheduled_for: due },
    });
  } catch (error) {
    throw error instanceof ApiError ? new ApiError(error.code, `dynamic_skip: ${error.message}`) : error;
  }
}
