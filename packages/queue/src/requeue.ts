import { sql, type Queryable } from "@towermill/store";

/** A worker is lost when it has not said for this long that it lives. */
export const lostAfterSeconds = 15;
/** A job whose worker was lost more often than this fails. */
export const maximumRestarts = 3;

/** Gives jobs back that a stopping worker could not finish; this does not count as a loss. @returns their tags */
export async function giveBackJobs(db: Queryable, jobs: readonly { id: string; attempt: number }[]): Promise<string[]> {
  const rows = await db.query<{ tag: string }>(sql`
    with back as (
      update job_queue q set running = false, worker = null, started_at = null, token_hash = null
      from unnest(${jobs.map((job) => job.id)}::uuid[], ${jobs.map((job) => job.attempt)}::int[]) i(id, attempt)
      where q.id = i.id and q.attempt = i.attempt and q.running
      returning q.id, q.tag
    ), freed as (delete from concurrency_slot s using back b where s.job_id = b.id)
    select distinct tag from back`);
  return rows.map((row) => row.tag);
}

export interface Rescued {
  id: string;
  tag: string;
  worker: string | null;
  restarts: number;
  /** `false`: it was lost too often and has failed. */
  restarted: boolean;
}

/**
 * Takes back the jobs of lost workers: those that stopped pinging or are unknown. They run again, at most
 * {@link maximumRestarts} times, then they fail with a result that says so. The attempt number rises with the next claim, so a worker that was
 * only slow cannot complete any more. Flows that wait for their steps are held by no worker and are left alone.
 */
export async function rescueJobs(db: Queryable, limit = 500): Promise<Rescued[]> {
  return db.query<Rescued & Record<string, unknown>>(sql`
    with lost as (
      select q.id, q.restarts, q.worker, q.canceled_by, q.canceled_reason from job_queue q
      where q.running and q.worker is not null and not exists (
        select from worker w where w.name = q.worker and w.last_ping > now() - make_interval(secs => ${lostAfterSeconds}))
      limit ${limit} for update of q skip locked
    ), back as (
      update job_queue q set running = false, worker = null, started_at = null, token_hash = null, restarts = q.restarts + 1
      from lost l where q.id = l.id and l.restarts < ${maximumRestarts} and l.canceled_by is null
      returning q.id, q.tag, l.worker, q.restarts
    ), gone as (
      delete from job_queue q using lost l
      where q.id = l.id and (l.restarts >= ${maximumRestarts} or l.canceled_by is not null)
      returning q.id, q.workspace_id, q.tag, q.started_at, q.worker, q.restarts, q.canceled_by, q.canceled_reason
    ), done as (
      insert into job_done (id, workspace_id, status, started_at, duration_ms, result, canceled_by, canceled_reason, worker)
      select id, workspace_id, case when canceled_by is null then 'failure' else 'canceled' end, started_at,
        greatest(0, extract(epoch from clock_timestamp() - started_at) * 1000)::bigint,
        case when canceled_by is null then json_build_object('error', json_build_object('name', 'WorkerLost', 'message',
          format('worker lost %s times (last: %s): the job may be what ends its workers', restarts + 1, worker)))
          else job_canceled(canceled_by, canceled_reason) end,
        canceled_by, canceled_reason, worker
      from gone
    ), freed as (
      delete from concurrency_slot s using lost l where s.job_id = l.id
    )
    select id, tag, worker, restarts::int, true as restarted from back
    union all
    select id, tag, worker, restarts::int, false from gone`);
}
