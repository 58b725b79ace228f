import type { schedulesOperations } from "@towermill/contract";
import { createDeployedFlows, newFlowJob, type FlowVersion } from "@towermill/flow-driver";
import { newJobId } from "@towermill/queue";
import { createUnattended, scheduledRun, type ScheduledRunnable } from "@towermill/runnable";
import { sql, type Queryable } from "@towermill/store";
import type { Call } from "../http/call.ts";
import type { Services } from "../services.ts";
import { lockWritable } from "./schedules-write.ts";

type CallOf<Id extends string> = Call<Extract<(typeof schedulesOperations)[number], { id: Id }>>;

/** Writes the run at a free moment, never one at a whole second: those are the schedule's own. */
async function writeTick(
  tx: Queryable,
  { workspace, path, job }: { workspace: string; path: string; job: string },
): Promise<void> {
  await tx.execute(sql`
    insert into schedule_tick (workspace_id, path, due, state, job_id, note)
    select ${workspace}, ${path}, case when at = date_trunc('second', at) then at + interval '1 millisecond' else at end,
      'open', ${job}, 'run by hand'
    from (
      select greatest(date_trunc('milliseconds', clock_timestamp()), max(due) + interval '1 millisecond') as at from schedule_tick
      where workspace_id = ${workspace} and path = ${path} and due > clock_timestamp() - interval '1 minute'
    ) free`);
}

/** Runs of a schedule that somebody asks for: they count as its runs, whatever its overlap policy says. */
export function scheduleRuns({ db, bus, dispatcher }: Services) {
  const deployed = createDeployedFlows({ db, bus });
  const unattended = createUnattended<FlowVersion>({
    db,
    bus,
    flows: { resolve: (who, target) => deployed.resolve(who, target), newJob: newFlowJob },
  });
  return {
    async runScheduleNow(call: CallOf<"runScheduleNow">) {
      const { path } = call.params;
      const { workspace } = call.member;
      const job = await db.transaction(async (tx) => {
        const row = await lockWritable(tx, call, path);
        const options = JSON.parse(row.options) as ScheduledRunnable["options"];
        const made = await unattended.job(scheduledRun({ ...row, options }, { id: newJobId() }));
        await writeTick(tx, { workspace, path, job: made.id });
        await dispatcher.pushIn(tx, made);
        return made;
      });
      dispatcher.wake([job.tag]);
      return job.id;
    },
  };
}
