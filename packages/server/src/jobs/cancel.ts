import { cancelJobs, releaseNext, type Canceled, type CancelRequest, type JobStatus } from "@towermill/queue";
import { sql } from "@towermill/store";
import type { Services } from "../services.ts";

interface DoneRow {
  id: string;
  workspace_id: string;
  status: JobStatus;
  result: string | null;
  concurrency_key: string | null;
}

/**
 * Cancels jobs and everything below them, and tells everybody who has to know: the workers of running jobs, those who
 * wait for a result, and the next jobs of the concurrency keys that became free.
 */
export async function cancel({ db, bus, dispatcher }: Services, request: CancelRequest): Promise<Canceled> {
  const canceled = await cancelJobs(db, request);
  if (canceled.stopping.length > 0) bus.publish("cancel", canceled.stopping);
  if (canceled.ended.length === 0) return canceled;
  // a forced one may still have a process
  if (request.force) bus.publish("cancel", canceled.ended);
  const rows = await db.query<DoneRow>(sql`
    select d.id, d.workspace_id, d.status, d.result, j.concurrency_key from job_done d join job j on j.id = d.id
    where d.id = any(${canceled.ended}::uuid[])`);
  dispatcher.ended(
    rows.map((row) => ({ id: row.id, workspace: row.workspace_id, status: row.status, result: row.result ?? "null", concurrencyKey: row.concurrency_key })),
  );
  for (const key of new Set(rows.flatMap((row) => row.concurrency_key ?? []))) {
    const tag = await releaseNext(db, key);
    if (tag) dispatcher.wake([tag]);
  }
  return canceled;
}

/** The flow that a step belongs to, however deep; the job itself when it is no step of one. */
export async function topOfFlow({ db }: Services, id: string): Promise<string> {
  const rows = await db.query<{ id: string }>(sql`
    with recursive up as (
      select id, parent_job, flow_step_id, 0 as depth from job where id = ${id}
      union all
      select j.id, j.parent_job, j.flow_step_id, up.depth + 1 from up join job j on j.id = up.parent_job
      where up.flow_step_id is not null and up.depth < 500
    )
    select id from up order by depth desc limit 1`);
  return rows[0]?.id ?? id;
}
