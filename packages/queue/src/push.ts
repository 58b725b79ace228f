import { ApiError } from "@towermill/contract";
import { isUniqueViolation, named, sql, type Queryable } from "@towermill/store";
import type { ClaimedJob, NewJob } from "./job.ts";

/** A worker slot kept free for a job that is being pushed. */
export interface ClaimAtPush {
  worker: string;
  tokenHash: Buffer;
}

/**
 * Writes a job and its queue entry in one statement, in the caller's transaction. With `claim` the job is born running on
 * a local worker, which saves the claim's commit.
 * @returns the moment it is due, as the database wrote it
 * @throws ApiError `already_exists` when the id was used before, in the queue or finished
 */
export async function pushJob(db: Queryable, job: NewJob, claim: ClaimAtPush | null = null): Promise<Date> {
  const { concurrency } = job;
  try {
    const row = await db.one<{ scheduled_for: Date }>(
      named(
        "push_job",
        sql`with j as (
          insert into job (id, workspace_id, kind, created_by, permissioned_as, email, identity, script_path, script_hash,
            language, tag, args, raw_code, raw_lock, raw_flow, parent_job, root_job, flow_step_id, trigger_kind,
            trigger_path, entrypoint, priority, timeout_s, cache_ttl, concurrency_key, concurrent_limit,
            concurrency_window_s, visible_to_owner, labels, options)
          values (${job.id}, ${job.workspace}, ${job.kind}, ${job.createdBy}, ${job.permissionedAs}, ${job.member.email},
            ${sql.json(job.member)}, ${job.path}, ${job.hash}, ${job.language}, ${job.tag}, ${job.args}, ${job.rawCode},
            ${job.rawLock}, ${job.rawFlow}, ${job.parentJob}, ${job.rootJob}, ${job.flowStepId}, ${job.triggerKind},
            ${job.triggerPath}, ${job.entrypoint}, ${job.priority}, ${job.timeoutSeconds}, ${job.cacheTtlSeconds},
            ${concurrency?.key}, ${concurrency?.limit}, ${concurrency?.windowSeconds}, ${job.visibleToOwner ?? true},
            ${job.labels}, ${sql.json(job.options ?? {})})
        )
        insert into job_queue (id, workspace_id, tag, priority, scheduled_for, concurrency_key, running, attempt, worker,
          started_at, token_hash)
        values (${job.id}, ${job.workspace}, ${job.tag}, ${job.priority ?? 0}, coalesce(${job.scheduledFor}::timestamptz, now()),
          ${concurrency?.key}, ${claim !== null}, ${claim ? 1 : 0}, ${claim?.worker},
          case when ${claim !== null} then now() end, ${claim?.tokenHash})
        returning scheduled_for`,
      ),
    );
    return row.scheduled_for;
  } catch (error) {
    if (isUniqueViolation(error)) throw new ApiError("already_exists", `A job with the id ${job.id} already exists`);
    throw error;
  }
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
