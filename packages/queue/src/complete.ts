import { named, sql, type Database, type Queryable, type Sql } from "@towermill/store";
import { claimedAsJson, claimedJobsFrom, claimPart, type ClaimRequest } from "./claim.ts";
import type { ClaimedJob, Completion, JobStatus } from "./job.ts";
import { hashToken, randomToken } from "./token.ts";

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
  position: number;
  workspace_id: string;
  /** The result of a job that was cancelled meanwhile. */
  canceled: string | null;
  concurrency_key: string | null;
}

/** A completion as `json_to_recordset` reads it in {@link completePart}. */
function recordOf(completion: Completion, index: number): Record<string, unknown> {
  const { lastLog } = completion;
  return {
    position: index,
    id: completion.id,
    attempt: completion.attempt,
    status: completion.status,
    result: completion.result,
    mem_peak_kb: completion.memPeakKb ?? undefined,
    runner: completion.runner ?? undefined,
    start_ms: completion.startMs ?? undefined,
    labels: completion.labels ?? [],
    preprocessed: completion.preprocessed ?? false,
    delete_after: completion.deleteAfterSeconds ?? undefined,
    log_position: lastLog?.position,
    log_text: lastLog?.text.toWellFormed(),
  };
}

/** One completion as constants, which PostgreSQL handles in a third less time than rows; several as rows of one document. */
function inputPart(completions: readonly Completion[]): Sql {
  const [only, ...others] = completions;
  if (only && others.length === 0) {
    const { lastLog } = only;
    return sql`input as not materialized (
      select ${0}::int as position, ${only.id}::uuid as id, ${only.attempt}::int as attempt, ${only.status}::text as status,
        ${only.result}::text as result, ${only.memPeakKb}::int as mem_peak_kb, ${only.runner}::text as runner,
        ${only.startMs}::real as start_ms, ${only.labels ?? []}::text[] as labels,
        ${only.preprocessed ?? false}::boolean as preprocessed, ${only.deleteAfterSeconds}::int as delete_after,
        ${lastLog?.position}::int as log_position, ${lastLog?.text.toWellFormed()}::text as log_text)`;
  }
  return sql`input as (
      select * from json_to_recordset(${JSON.stringify(completions.map(recordOf))}::json) as t (position int, id uuid,
        attempt int, status text, result text, mem_peak_kb int, runner text, start_ms real, labels text[],
        preprocessed boolean, delete_after int, log_position int, log_text text))`;
}

/** The parts of a statement that end jobs; `ended` among them holds what {@link endedFrom} reads. */
function completePart(completions: readonly Completion[]): Sql {
  return sql`${inputPart(completions)}, gone as (
      delete from job_queue q using input i
      where q.id = i.id and q.attempt = i.attempt and q.running
      returning q.workspace_id, q.started_at, q.worker, q.canceled_by, q.canceled_reason, q.concurrency_key, i.*
    ), ended as (
      select *, case when canceled_by is not null then job_canceled(canceled_by, canceled_reason)::text end as canceled
      from gone
    ), live as (
      delete from job_live l using gone g where l.id = g.id
    )${isLogged(completions) ? logging : sql.empty}${isLimited(completions) ? freeing : sql.empty}, done as (
      insert into job_done (id, workspace_id, status, started_at, duration_ms, result, canceled_by, canceled_reason, worker,
        mem_peak_kb, runner, start_ms, labels, preprocessed, delete_at)
      select id, workspace_id, case when canceled_by is null then status else 'canceled' end, started_at,
        greatest(0, extract(epoch from clock_timestamp() - started_at) * 1000)::bigint, coalesce(canceled, result)::json,
        canceled_by, canceled_reason, worker, mem_peak_kb, runner, start_ms, labels, preprocessed,
        now() + make_interval(secs => delete_after)
      from ended
    )`;
}

// Each part costs PostgreSQL something even when there is nothing for it to do: what most jobs need not is left out.
const logging: Sql = sql`, logged as (
      insert into job_log (job_id, position, text)
      select id, log_position, log_text from gone where log_text is not null
      on conflict (job_id, position) do nothing
    )`;
const freeing: Sql = sql`, freed as (
      update concurrency_slot s set ended_at = now() from gone g where s.job_id = g.id and g.concurrency_key is not null
    )`;

function isLogged(completions: readonly Completion[]): boolean {
  return completions.some(({ lastLog }) => lastLog);
}

function isLimited(completions: readonly Completion[]): boolean {
  return completions.some(({ limited }) => limited !== false);
}

/** One name for one text: with which of its parts a statement is sent. */
function nameOf(name: string, completions: readonly Completion[]): string {
  return `${name}${completions.length === 1 ? "_one" : ""}${isLogged(completions) ? "_logged" : ""}${isLimited(completions) ? "_limited" : ""}`;
}

const endedRows: Sql = sql`select position, workspace_id, canceled, concurrency_key from ended`;

function endedFrom(completions: readonly Completion[], rows: readonly EndedRow[]): Ended[] {
  return rows.flatMap((row) => {
    const completion = completions[row.position];
    if (!completion) return [];
    const status = row.canceled === null ? completion.status : "canceled";
    const result = row.canceled ?? completion.result;
    const { workspace_id: workspace, concurrency_key: concurrencyKey } = row;
    return [{ id: completion.id, workspace, status, result, concurrencyKey }];
  });
}

/**
 * Ends jobs: removes their queue rows and writes what came of them, in one statement for all. A completion whose attempt
 * is not the one that is running changes nothing and is left out of the answer: the first writer won. A job that was
 * cancelled meanwhile ends as cancelled, whatever its code answered.
 */
export async function completeJobs(db: Queryable, completions: readonly Completion[]): Promise<Ended[]> {
  const statement = named(nameOf("complete_jobs", completions), sql`with ${completePart(completions)} ${endedRows}`);
  return endedFrom(completions, await db.query<EndedRow>(statement));
}

/** Ends jobs and claims others for the slots that become free, in one commit: what a worker does while a queue is long. */
export async function completeAndClaim(
  db: Queryable,
  completions: readonly Completion[],
  request: ClaimRequest,
): Promise<{ ended: Ended[]; claimed: ClaimedJob[] }> {
  const secrets = Array.from({ length: request.count }, () => randomToken());
  const row = await db.one<{ ended: string | null; claimed: string | null }>(
    named(
      nameOf("complete_and_claim", completions),
      sql`with ${completePart(completions)}, ${claimPart(request, secrets.map(hashToken))}
        select (select json_agg(row_to_json(t)) from (${endedRows}) t) as ended, ${claimedAsJson} as claimed`,
    ),
  );
  const rows = row.ended === null ? [] : (JSON.parse(row.ended) as EndedRow[]);
  return { ended: endedFrom(completions, rows), claimed: claimedJobsFrom(row.claimed, secrets) };
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
