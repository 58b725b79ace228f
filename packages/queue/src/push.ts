import { ApiError } from "@towermill/contract";
import { isUniqueViolation, namedOnce, sourceOf, sql, type Column, type Queryable, type Sql } from "@towermill/store";
import { insertJobs, jobColumns } from "./job-columns.ts";
import type { ClaimedJob, NewJob } from "./job.ts";

/** A worker slot kept free for a job that is being pushed. */
export interface ClaimAtPush {
  worker: string;
  tokenHash: Buffer;
  /** When it is due, by this process's clock, for a worker that knows it before it is written; never in the future. */
  at?: Date;
}

/** A job to write and, where a slot is kept for it, who runs it. */
export interface Push {
  job: NewJob;
  claim: ClaimAtPush | null;
}

const columns: readonly Column<Push>[] = [
  ...jobColumns.map((column) => ({ ...column, of: ({ job }: Push) => column.of(job) })),
  {
    name: "scheduled_for",
    type: "timestamptz",
    of: ({ job, claim }) => (job.scheduledFor ?? claim?.at)?.toISOString(),
  },
  { name: "worker", type: "text", of: ({ claim }) => claim?.worker, optional: "w" },
  { name: "token_hash", type: "bytea", of: ({ claim }) => claim?.tokenHash, optional: "w" },
];
const pushed = sql`pushed`;

/**
 * Writes jobs and their queue entries in one statement. Those with a `claim` are born running on a local worker, which
 * saves the claim's commit; the others are due by the database's clock when they name no moment.
 */
export async function pushJobs(db: Queryable, pushes: readonly Push[]): Promise<void> {
  const source = sourceOf("t", columns, pushes, pushes.length === 1);
  const statement =
    (): Sql => sql`with pushed as ${source.keep} (select * from ${source.text()}), jobs as (${insertJobs(pushed)})
    insert into job_queue (id, workspace_id, tag, priority, scheduled_for, concurrency_key, running, attempt, worker,
      started_at, token_hash)
    select id, workspace_id, tag, coalesce(priority, 0),
      case when worker is null then coalesce(scheduled_for, now()) else least(scheduled_for, now()) end,
      concurrency_key, worker is not null, case when worker is null then 0 else 1 end, worker,
      case when worker is not null then now() end, token_hash
    from pushed`;
  await db.execute(namedOnce(`push_jobs_${source.shape}`, source.values, statement));
}

/**
 * Writes a job and its queue entry in the caller's transaction.
 * @throws ApiError `already_exists` when the id was used before, in the queue or finished
 */
export async function pushJob(db: Queryable, job: NewJob, claim: ClaimAtPush | null = null): Promise<void> {
  try {
    await pushJobs(db, [{ job, claim }]);
  } catch (error) {
    throw isUniqueViolation(error) ? idIsUsed(job) : error;
  }
}

/** Why a job with an id that was used before is refused. */
export function idIsUsed(job: NewJob): ApiError {
  return new ApiError("already_exists", `A job with the id ${job.id} already exists`);
}

/** The pushed job as the worker that holds it sees it, without reading it back. */
export function claimedFrom(job: NewJob, { scheduledFor, secret }: { scheduledFor: Date; secret: string }): ClaimedJob {
  return {
    id: job.id,
    workspace: job.workspace,
    kind: job.kind,
    createdBy: job.createdBy,
    permissionedAs: job.permissionedAs,
    member: job.member,
    tag: job.tag,
    args: job.args,
    path: job.path ?? null,
    hash: job.hash ?? null,
    language: job.language ?? null,
    rawCode: job.rawCode ?? null,
    rawLock: job.rawLock ?? null,
    rawFlow: job.rawFlow ?? null,
    parentJob: job.parentJob ?? null,
    rootJob: job.rootJob ?? null,
    flowStepId: job.flowStepId ?? null,
    triggerKind: job.triggerKind ?? null,
    triggerPath: job.triggerPath ?? null,
    entrypoint: job.entrypoint ?? null,
    priority: job.priority ?? null,
    timeoutSeconds: job.timeoutSeconds ?? null,
    cacheTtlSeconds: job.cacheTtlSeconds ?? null,
    concurrencyKey: job.concurrency?.key ?? null,
    concurrentLimit: job.concurrency?.limit ?? null,
    concurrencyWindowSeconds: job.concurrency?.windowSeconds ?? null,
    visibleToOwner: job.visibleToOwner ?? true,
    labels: job.labels ?? null,
    options: job.options ?? {},
    scheduledFor,
    attempt: 1,
    secret,
  };
}
