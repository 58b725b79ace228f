import { cancelJobs } from "@towermill/queue";
import { sql } from "@towermill/store";
import type { Duty } from "./duty.ts";

/** Tells flows that wait for approvals that their time is over, and ends flows that run longer than they may. */
export const flowTimes: Duty = {
  name: "flow times",
  everyMs: 1000,
  async run({ db, bus, dispatcher, flowDriver }) {
    const waiting = await db.query<{ id: string }>(
      sql`select id from job_queue where suspend_until is not null and suspend_until < now() limit 200`,
    );
    for (const { id } of waiting) await flowDriver.timeOut(id);
    const late = await db.query<{ id: string; workspace_id: string; timeout_s: number }>(sql`
      select q.id, q.workspace_id, j.timeout_s from job_queue q join job j on j.id = q.id
      where q.running and q.worker is null and j.timeout_s is not null
        and q.started_at + make_interval(secs => j.timeout_s) < now()
      limit 50`);
    for (const { id, workspace_id: workspace, timeout_s: seconds } of late) {
      const reason = `the flow ran longer than its timeout of ${seconds} s`;
      const { ended, stopping } = await cancelJobs(db, { workspace, ids: [id], by: "timeout", reason });
      bus.publish("cancel", stopping);
      await dispatcher.announce(ended);
      await flowDriver.endedElsewhere(ended);
    }
  },
};

/** The net behind the driver: whatever state a crash leaves a flow in, it goes on from there. */
export const flowRepair: Duty = {
  name: "flow repair",
  everyMs: 15_000,
  async run({ flowDriver, log }) {
    const told = await flowDriver.reconcile();
    if (told > 0) log.warn({ steps: told }, "flows had not heard of steps that ended");
  },
};
