import { cancelJobs, releaseNext, type Canceled, type CancelRequest } from "@towermill/queue";
import { sql } from "@towermill/store";
import { auditEach } from "../identity/audit.ts";
import type { Services } from "../services.ts";

/**
 * Cancels jobs and everything below them, and tells everybody who has to know: the workers of running jobs, those who
 * wait for a result, and the next jobs of the concurrency keys that became free.
 */
export async function cancel({ db, bus, dispatcher, flowDriver }: Services, request: CancelRequest): Promise<Canceled> {
  const canceled = await cancelJobs(db, request);
  const { workspace, by: username, force } = request;
  const operation = force ? "jobs.force_cancel" : "jobs.cancel";
  const affected = new Set([...canceled.ended, ...canceled.stopping]);
  const asked = request.ids.filter((id) => affected.has(id));
  await auditEach(db, { workspace, username, operation, actionKind: "Delete" }, asked);
  // an ended one may still have a process when it was forced
  bus.publish("cancel", request.force ? [...canceled.stopping, ...canceled.ended] : canceled.stopping);
  if (canceled.ended.length === 0) return canceled;
  await dispatcher.announce(canceled.ended);
  await flowDriver.endedElsewhere(canceled.ended);
  const freed = await db.query<{ key: string; count: number }>(sql`
    select concurrency_key as key, count(*)::int as count from job
    where id = any(${canceled.ended}::uuid[]) and concurrency_key is not null group by 1`);
  for (const { key, count } of freed) dispatcher.wake(await releaseNext(db, key, count));
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
