import { named, sql, type Database, type Queryable } from "@towermill/store";
import { cancelFlows, lockFlows, treeOf } from "./cancel-flow.ts";

export interface CancelRequest {
  workspace: string;
  ids: readonly string[];
  by: string;
  reason: string;
  /** Ends running jobs at once, without waiting for their worker. */
  force?: boolean;
}

export interface Canceled {
  /** Ended now: they had not started, or were forced. */
  ended: string[];
  /** Running: their worker has to stop them. */
  stopping: string[];
}

/**
 * Cancels jobs and everything below them: what has not started ends now, and so do flows that wait for their steps; what
 * runs is marked and stopped by its worker. A job that ended already is left as it is. In one transaction: the caller's,
 * or one of its own.
 */
export async function cancelJobs(db: Queryable | Database, request: CancelRequest): Promise<Canceled> {
  return "transaction" in db ? db.transaction((tx) => cancelTree(tx, request)) : cancelTree(db, request);
}

async function cancelTree(db: Queryable, request: CancelRequest): Promise<Canceled> {
  const flows = await lockFlows(db, request);
  const canceled = await cancelAll(db, request);
  await cancelFlows(db, flows, { ...request, ended: canceled.ended });
  return canceled;
}

// Arrays of ids, not joins: how large a tree is cannot be estimated, and a join would read the whole queue for it.
async function cancelAll(db: Queryable, request: CancelRequest): Promise<Canceled> {
  const rows = await db.query<{ id: string; ended: boolean }>(
    named(
      "cancel_jobs",
      sql`with recursive ${treeOf(request)}, live as (
        select q.id, q.running and q.worker is not null as running from job_queue q
        where q.id = any(array(select id from tree)) for update
      ), gone as (
        delete from job_queue q
        where q.id = any(array(select id from live where not running or ${request.force ?? false}))
        returning q.id, q.workspace_id, q.started_at, q.worker
      ), done as (
        insert into job_done (id, workspace_id, status, started_at, duration_ms, result, canceled_by, canceled_reason, worker)
        select id, workspace_id, 'canceled', started_at,
          coalesce(greatest(0, extract(epoch from clock_timestamp() - started_at) * 1000), 0)::bigint,
          job_canceled(${request.by}, ${request.reason}), ${request.by}, ${request.reason}, worker from gone
        returning id
      ), slots as (
        update concurrency_slot s set ended_at = now() from gone g where s.job_id = g.id returning s.job_id
      ), marked as (
        update job_queue q set canceled_by = coalesce(q.canceled_by, ${request.by}),
          canceled_reason = coalesce(q.canceled_reason, ${request.reason})
        where q.id = any(array(select id from live where running and not ${request.force ?? false}))
        returning q.id
      )
      select id, true as ended from done union all select id, false from marked`,
    ),
  );
  return {
    ended: rows.filter((row) => row.ended).map((row) => row.id),
    stopping: rows.filter((row) => !row.ended).map((row) => row.id),
  };
}

/** What the queue says a worker is running: the net behind cancel notifications, and how a worker learns what it lost. */
export async function claimedOf(
  db: Queryable,
  worker: string,
): Promise<{ id: string; attempt: number; canceled: boolean }[]> {
  return db.query(
    named(
      "claimed_of",
      sql`select id, attempt, canceled_by is not null as canceled from job_queue where running and worker = ${worker}`,
    ),
  );
}
