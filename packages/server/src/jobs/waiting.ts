import { lostAfterSeconds } from "@towermill/queue";
import { sql, type Queryable } from "@towermill/store";
import type { JobRow } from "./job-row.ts";

interface Circumstances {
  now: Date;
  workers: number;
  slots: number;
  running: number;
  ahead: number;
  limit: number | null;
}

async function circumstances(db: Queryable, row: JobRow): Promise<Circumstances> {
  return db.one<Circumstances & Record<string, unknown>>(sql`
    select now() as now,
      (select count(*) from worker w where ${row.tag} = any(w.tags) and w.last_ping > now() - make_interval(secs => ${lostAfterSeconds}))::int as workers,
      (select coalesce(sum(slots), 0) from worker w where ${row.tag} = any(w.tags) and w.last_ping > now() - make_interval(secs => ${lostAfterSeconds}))::int as slots,
      (select count(*) from job_queue q join worker w on w.name = q.worker where q.running and ${row.tag} = any(w.tags))::int as running,
      (select count(*) from job_queue q where not q.running and q.tag = ${row.tag} and q.suspend_until is null
        and q.scheduled_for < ${row.scheduled_for})::int as ahead,
      (select concurrent_limit from job where id = ${row.id}) as limit`);
}

/** Why a job does not run yet, in one sentence; `null` when it runs or has ended. */
export async function waitingReason(db: Queryable, row: JobRow): Promise<string | null> {
  if (row.status !== null || row.running !== false || row.scheduled_for === null) return null;
  if (row.suspend_until !== null)
    return `Suspended until it is approved, at the latest ${row.suspend_until.toISOString()}`;
  const { now, workers, slots, running, ahead, limit } = await circumstances(db, row);
  if (row.scheduled_for > now) {
    const at = row.scheduled_for.toISOString();
    return row.concurrency_key === null
      ? `Scheduled for ${at}`
      : `Not before ${at}: it was scheduled then, or the concurrency limit of ${limit} for the key ${row.concurrency_key} is used up`;
  }
  if (workers === 0) return `No worker serves the tag ${row.tag}`;
  if (slots <= running)
    return `All workers that serve the tag ${row.tag} are busy, ${ahead} ${ahead === 1 ? "job is" : "jobs are"} ahead`;
  return `Due, a worker will take it now`;
}
