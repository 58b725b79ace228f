import {
  completeJobs,
  newJobId,
  pushJob,
  type ClaimedJob,
  type Completion,
  type Ended,
  type NewJob,
} from "@towermill/queue";
import type { WorkerContext } from "./running-job.ts";

/** A perpetual script starts at most once in this time. */
const shortestRoundMs = 10_000;

/**
 * Ends a round of a perpetual script and pushes the next in one transaction, so that the chain cannot break: the newest
 * version of its path with the same arguments and tag. A cancelled round is the last.
 */
export async function completePerpetual(
  ctx: WorkerContext,
  job: ClaimedJob,
  completion: Completion,
): Promise<Ended | null> {
  const head = job.path === null ? null : await ctx.code.head(job.workspace, job.path);
  return ctx.db.transaction(
    async (tx) => {
      const [ended] = await completeJobs(tx, [completion]);
      if (ended && head && ended.status !== "canceled") await pushJob(tx, nextRound(job, head));
      return ended ?? null;
    },
    { retry: "idempotent" },
  );
}

function nextRound(job: ClaimedJob, head: { hash: string; language: NewJob["language"] }): NewJob {
  return {
    id: newJobId(),
    workspace: job.workspace,
    kind: job.kind,
    createdBy: job.createdBy,
    permissionedAs: job.permissionedAs,
    member: job.member,
    tag: job.tag,
    args: job.args,
    path: job.path,
    hash: head.hash,
    language: head.language ?? null,
    priority: job.priority,
    timeoutSeconds: job.timeoutSeconds,
    cacheTtlSeconds: job.cacheTtlSeconds,
    concurrency: concurrencyOf(job),
    visibleToOwner: job.visibleToOwner,
    labels: job.labels,
    options: job.options,
    scheduledFor: new Date(Math.max(Date.now(), job.scheduledFor.getTime() + shortestRoundMs)),
  };
}

function concurrencyOf(job: ClaimedJob): { key: string; limit: number; windowSeconds: number } | null {
  if (job.concurrencyKey === null || job.concurrentLimit === null) return null;
  return { key: job.concurrencyKey, limit: job.concurrentLimit, windowSeconds: job.concurrencyWindowSeconds ?? 0 };
}
