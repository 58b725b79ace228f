import { named, sql, type Database, type Queryable } from "@towermill/store";
import type { Completion, JobStatus } from "./job.ts";

/** What `job_done` says after a completion was written. */
export interface Ended {
  id: string;
  workspace: string;
  status: JobStatus;
  /** JSON text. */
  result: string;
  concurrencyKey: string | null;
}

interface EndedRow {
  id: string;
  workspace_id: string;
  status: JobStatus;
  result: string;
  concurrency_key: string | null;
}

/**
 * Ends jobs: removes their queue rows and writes what came of them, in one statement for all. A completion whose attempt
 * is not the one that is running changes nothing and is left out of the answer: the first writer won. A job that was
 * cancelled meanwhile ends as cancelled, whatever its code answered.
 */
export async function completeJobs(db: Queryable, completions: readonly Completion[]): Promise<Ended[]> {
  const column = <K extends keyof Completion>(key: K): (NonNullable<Completion[K]> | null)[] =>
    completions.map((completion) => completion[key] ?? null);
  const rows = await db.query<EndedRow>(
    named(
      "complete_jobs",
      sql`with input as (
        select * from unnest(${column("id")}::uuid[], ${column("attempt")}::int[], ${column("status")}::text[],
          ${column("result")}::text[], ${column("memPeakKb")}::int[], ${column("runner")}::text[],
          ${column("startMs")}::real[], ${completions.map((c) => JSON.stringify(c.labels ?? []))}::text[],
          ${completions.map((c) => c.preprocessed ?? false)}::boolean[], ${column("deleteAfterSeconds")}::int[],
          ${completions.map((c) => c.lastLog?.position ?? null)}::int[], ${completions.map((c) => c.lastLog?.text ?? null)}::text[])
          as t (id, attempt, status, result, mem_peak_kb, runner, start_ms, labels, preprocessed, delete_after,
            log_position, log_text)
      ), gone as (
        delete from job_queue q using input i
        where q.id = i.id and q.attempt = i.attempt and q.running
        returning q.id, q.workspace_id, q.started_at, q.worker, q.canceled_by, q.canceled_reason, q.concurrency_key
      ), live as (
        delete from job_live l using gone g where l.id = g.id returning l.mem_peak_kb
      ), logged as (
        insert into job_log (job_id, position, text)
        select g.id, i.log_position, i.log_text from gone g join input i using (id) where i.log_text is not null
        on conflict (job_id, position) do nothing
      ), freed as (
        update concurrency_slot s set ended_at = now() from gone g where s.job_id = g.id and g.concurrency_key is not null
        returning s.job_id
      )
      insert into job_done (id, workspace_id, status, started_at, duration_ms, result, canceled_by, canceled_reason, worker,
        mem_peak_kb, runner, start_ms, labels, preprocessed, delete_at)
      select g.id, g.workspace_id, case when g.canceled_by is null then i.status else 'canceled' end, g.started_at,
        greatest(0, extract(epoch from clock_timestamp() - g.started_at) * 1000)::bigint,
        case when g.canceled_by is null then i.result::json else job_canceled(g.canceled_by, g.canceled_reason) end,
        g.canceled_by, g.canceled_reason, g.worker, i.mem_peak_kb, i.runner, i.start_ms,
        array(select json_array_elements_text(i.labels::json)), i.preprocessed, now() + make_interval(secs => i.delete_after)
      from gone g join input i using (id)
      returning id, workspace_id, status, result,
        (select g.concurrency_key from gone g where g.id = job_done.id) as concurrency_key`,
    ),
  );
  return rows.map((row) => ({
    id: row.id,
    workspace: row.workspace_id,
    status: row.status,
    result: row.result,
    concurrencyKey: row.concurrency_key,
  }));
}

/**
 * Makes the next waiting jobs of a limited key due now, as many as runs of it ended. It takes the key's lock, so that a
 * claimer that just found the key full and put its job off is seen.
 * @returns their tags, to wake workers
 */
export async function releaseNext(db: Database, key: string, count = 1): Promise<string[]> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select from concurrency_key where key = ${key} for update`);
    const rows = await tx.query<{ tag: string }>(sql`
      update job_queue set scheduled_for = now()
      where id in (select q.id from job_queue q join job j on j.id = q.id
                   where q.concurrency_key = ${key} and not q.running and q.scheduled_for > now()
                     and coalesce(j.concurrency_window_s, 0) = 0
                   order by q.priority desc, q.id limit ${count} for update of q skip locked)
      returning tag`);
    return rows.map((row) => row.tag);
  });
}
