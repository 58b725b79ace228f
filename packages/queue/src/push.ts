import { ApiError } from "@towermill/contract";
import { isUniqueViolation, named, sql, type Queryable } from "@towermill/store";
import { insertJobs, jobRecord, jobRecordOf } from "./job-record.ts";
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

const pushed = sql`pushed`;

/**
 * Writes jobs and their queue entries in one statement. Those with a `claim` are born running on a local worker, which
 * saves the claim's commit.
 * @returns the database's clock: when those that name no other moment are due
 */
export async function pushJobs(db: Queryable, pushes: readonly Push[]): Promise<Date> {
  const records = pushes.map(({ job, claim }) => ({
    ...jobRecordOf(job),
    scheduled_for: job.scheduledFor ?? claim?.at,
    worker: claim?.worker,
    token_hash: claim?.tokenHash.toString("hex"),
  }));
  const { now } = await db.one<{ now: Date }>(
    named(
      "push_jobs",
      sql`with pushed as (
          select * from json_to_recordset(${JSON.stringify(records)}::json) as t (${jobRecord}, worker text, token_hash text)
        ), jobs as (${insertJobs(pushed)}), queued as (
          insert into job_queue (id, workspace_id, tag, priority, scheduled_for, concurrency_key, running, attempt, worker,
            started_at, token_hash)
          select id, workspace_id, tag, coalesce(priority, 0),
            case when worker is null then coalesce(scheduled_for, now()) else least(scheduled_for, now()) end,
            concurrency_key, worker is not null, case when worker is null then 0 else 1 end, worker,
            case when worker is not null then now() end, decode(token_hash, 'hex')
          from pushed
        )
        select now() as now`,
    ),
  );
  return now;
}

/**
 * Writes a job and its queue entry in the caller's transaction.
 * @returns the moment it is due
 * @throws ApiError `already_exists` when the id was used before, in the queue or finished
 */
export async function pushJob(db: Queryable, job: NewJob, claim: ClaimAtPush | null = null): Promise<Date> {
  try {
    const now = await pushJobs(db, [{ job, claim }]);
    return job.scheduledFor ?? now;
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
