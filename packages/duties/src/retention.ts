import { dropPartitions } from "@towermill/queue";
import { sql, type Database } from "@towermill/store";
import type { Duty } from "./duty.ts";

const batch = 1000;

/** Old jobs of the default partitions (ids that callers chose), and what a partition still holds beyond its time. */
async function deleteOld(db: Database, before: Date): Promise<void> {
  for (let deleted = batch; deleted === batch;) {
    deleted = await db.execute(sql`
      with old as (select id from job_done_default where completed_at < ${before} limit ${batch}),
        logs as (delete from job_log l using old where l.job_id = old.id),
        jobs as (delete from job j using old where j.id = old.id)
      delete from job_done d using old where d.id = old.id`);
  }
}

/** Deletes jobs that ended longer ago than the retention: whole weeks by dropping partitions, the rest row by row. */
export const retention: Duty = {
  name: "retention",
  everyMs: 600_000,
  async run({ db, now, retentionDays, log }) {
    const before = new Date(now().getTime() - retentionDays * 86_400_000);
    const dropped = await dropPartitions(db, before);
    if (dropped.length > 0) log.info({ dropped }, "partitions beyond the retention were dropped");
    await deleteOld(db, before);
  },
};
