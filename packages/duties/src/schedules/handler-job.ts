import type { NewJob } from "@towermill/queue";
import { newJobId } from "@towermill/queue";
import type { TickerContext } from "./context.ts";
import { timesOf, type Reaction } from "./reaction.ts";
import type { Schedule } from "./schedule.ts";

/** A run that ended, as handlers are told of it. */
export interface EndedRun {
  jobId: string;
  startedAt: Date | null;
  /** JSON text. */
  result: string;
}

export interface Occasion {
  reaction: Reaction;
  run: EndedRun;
  /** The last failed run, for a recovery. */
  failed: EndedRun | null;
}

/** Names under which Windmill's handlers run; they are no members. */
const creators: Record<Reaction, string> = {
  failure: "schedule_error_handler",
  recovery: "schedule_recovery_handler",
  success: "schedule_success_handler",
};

const fields = {
  failure: ["on_failure", "on_failure_extra_args"],
  recovery: ["on_recovery", "on_recovery_extra_args"],
  success: ["on_success", "on_success_extra_args"],
} as const;

/** The `error` of a failed run's result; without one the whole result. */
export function errorIn(result: string): unknown {
  const value: unknown = JSON.parse(result);
  return typeof value === "object" && value !== null && "error" in value ? value.error : value;
}

function argumentsFor(schedule: Schedule, { reaction, run, failed }: Occasion): Record<string, unknown> {
  const { workspace_id, path: schedule_path, script_path: path, is_flow, email, options } = schedule;
  const known = { workspace_id, job_id: run.jobId, path, is_flow, schedule_path, email };
  if (reaction === "failure") {
    return {
      ...known,
      error: errorIn(run.result),
      started_at: run.startedAt,
      failed_times: timesOf(options.on_failure_times),
    };
  }
  const success = { ...known, success_result: JSON.parse(run.result) as unknown, success_started_at: run.startedAt };
  if (reaction === "success") return success;
  const error = failed ? errorIn(failed.result) : null;
  return {
    ...success,
    error,
    error_started_at: failed?.startedAt ?? null,
    success_times: timesOf(options.on_recovery_times),
  };
}

/**
 * The job of a handler: it runs as the group `error_handler`, and is no run of the schedule, so nothing reacts to it.
 * Argument names are those that Windmill's handler scripts take.
 * @throws ApiError when the handler is missing
 */
export function handlerJob({ unattended }: TickerContext, schedule: Schedule, occasion: Occasion): Promise<NewJob> {
  const [name, extra] = fields[occasion.reaction];
  const creator = creators[occasion.reaction];
  const [kind, ...rest] = (schedule.options[name] ?? "").split("/");
  return unattended.job({
    runnable: { path: rest.join("/"), isFlow: kind === "flow" },
    args: JSON.stringify({ ...argumentsFor(schedule, occasion), ...schedule.options[extra] }),
    as: { workspace: schedule.workspace_id, permissionedAs: "g/error_handler", email: `${creator}@windmill.dev` },
    createdBy: creator,
    triggerKind: null,
    triggerPath: null,
    trusted: true,
    options: { job_id: newJobId(), parent_job: occasion.run.jobId },
  });
}
