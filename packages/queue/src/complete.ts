import {
  arrayText,
  namedOnce,
  sourceOf,
  sql,
  type Column,
  type Database,
  type Piece,
  type Queryable,
  type Sql,
} from "@towermill/store";
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
  id: string;
  attempt: number;
  workspace_id: string;
  /** The result of a job that was cancelled meanwhile. */
  canceled: string | null;
  concurrency_key: string | null;
}

/** What a completion writes into `job_done`; a flow has no attempt of its own. */
export const completionColumns: readonly Column<Omit<Completion, "attempt"> & { attempt: number | null }>[] = [
  { name: "id", type: "uuid", of: ({ id }) => id },
  { name: "attempt", type: "int4", of: ({ attempt }) => attempt },
  { name: "status", type: "text", of: ({ status }) => status },
  { name: "result", type: "json", of: ({ result }) => result },
  { name: "mem_peak_kb", type: "int4", of: ({ memPeakKb }) => memPeakKb },
  { name: "runner", type: "text", of: ({ runner }) => runner },
  { name: "start_ms", type: "float4", of: ({ startMs }) => startMs },
  { name: "labels", type: "text", of: ({ labels }) => arrayText(labels?.length ? labels : null), optional: "b" },
  { name: "preprocessed", type: "bool", of: ({ preprocessed }) => preprocessed || null, optional: "b" },
  { name: "delete_after", type: "int4", of: ({ deleteAfterSeconds }) => deleteAfterSeconds, optional: "d" },
];

const columns: readonly Column<Completion>[] = [
  ...completionColumns,
  { name: "log_position", type: "int4", of: ({ lastLog }) => lastLog?.position, optional: "l" },
  { name: "log_text", type: "text", of: ({ lastLog }) => lastLog?.text.toWellFormed(), optional: "l" },
];

/** The parts of a statement that end jobs; `ended` among them holds what {@link endedFrom} reads. */
interface Ending extends Piece {
  /** Tells texts apart. */
  shape: string;
}

function endingOf(completions: readonly Completion[]): Ending {
  const source = sourceOf("t", columns, completions, completions.length === 1);
  const logged = completions.some(({ lastLog }) => lastLog);
  const limited = completions.some((completion) => completion.limited !== false);
  return {
    values: source.values,
    shape: `${source.shape}${logged ? "_logged" : ""}${limited ? "_limited" : ""}`,
    text: () => sql`input as ${source.keep} (select * from ${source.text()}), gone as (
      delete from job_queue q using input i
      where q.id = i.id and q.attempt = i.attempt and q.running
      returning q.workspace_id, q.started_at, q.worker, q.canceled_by, q.canceled_reason, q.concurrency_key, i.*
    ), ended as (
      select *, case when canceled_by is not null then job_canceled(canceled_by, canceled_reason) end as canceled
      from gone
    )${logged ? logging : sql.empty}${limited ? freeing : sql.empty}, done as (
      insert into job_done (id, workspace_id, status, started_at, duration_ms, result, canceled_by, canceled_reason, worker,
        mem_peak_kb, runner, start_ms, labels, preprocessed, delete_at)
      select id, workspace_id, case when canceled_by is null then status else 'canceled' end, started_at,
        greatest(0, extract(epoch from clock_timestamp() - started_at) * 1000)::bigint, coalesce(canceled, result),
        canceled_by, canceled_reason, worker, mem_peak_kb, runner, start_ms, coalesce(labels::text[], '{}'),
        coalesce(preprocessed, false), now() + make_interval(secs => delete_after)
      from ended
    )`,
  };
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

const endedRows: Sql = sql`select id, attempt, workspace_id, canceled::text as canceled, concurrency_key from ended`;

function endedFrom(completions: readonly Completion[], rows: readonly EndedRow[]): Ended[] {
  return rows.flatMap((row) => {
    const completion = completions.find(({ id, attempt }) => id === row.id && attempt === row.attempt);
    if (!completion) return [];
    const { id, status, result } = completion;
    const { workspace_id: workspace, concurrency_key: concurrencyKey } = row;
    if (row.canceled === null) return [{ id, workspace, status, result, concurrencyKey }];
    return [{ id, workspace, status: "canceled" as const, result: row.canceled, concurrencyKey }];
  });
}

/**
 * Ends jobs: removes their queue rows and writes what came of them, in one statement for all. A completion whose attempt
 * is not the one that is running changes nothing and is left out of the answer: the first writer won. A job that was
 * cancelled meanwhile ends as cancelled, whatever its code answered.
 */
export async function completeJobs(db: Queryable, completions: readonly Completion[]): Promise<Ended[]> {
  const { values, shape, text } = endingOf(completions);
  const statement = namedOnce(`complete_jobs_${shape}`, values, () => sql`with ${text()} ${endedRows}`);
  return endedFrom(completions, await db.query<EndedRow>(statement));
}

/** Ends jobs and claims others for the slots that become free, in one commit: what a worker does while a queue is long. */
export async function completeAndClaim(
  db: Queryable,
  completions: readonly Completion[],
  request: ClaimRequest,
): Promise<{ ended: Ended[]; claimed: ClaimedJob[] }> {
  const secrets = Array.from({ length: request.count }, () => randomToken());
  const { values, shape, text } = endingOf(completions);
  const claim = claimPart(request, secrets.map(hashToken));
  const row = await db.one<{ ended: string | null; claimed: string | null }>(
    namedOnce(
      `complete_and_claim_${shape}`,
      [...values, ...claim.values],
      () => sql`with ${text()}, ${claim}
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
