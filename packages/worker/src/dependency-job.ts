import { completeJobs, type Completion, type Ended } from "@towermill/queue";
import type { LockOutcome } from "@towermill/runtimes";
import { sql } from "@towermill/store";
import { workspaceScripts } from "./code.ts";
import { errorResult } from "./outcome.ts";
import type { JobEnd, RunningJob, WorkerContext } from "./running-job.ts";

async function resolveLock(ctx: WorkerContext, { job, log, signal }: RunningJob): Promise<LockOutcome> {
  const deployed = job.hash === null ? null : await ctx.code.version(job.workspace, job.hash);
  const content = job.rawCode ?? deployed?.content;
  const language = job.language ?? deployed?.language;
  if (content === undefined || language === undefined) {
    return {
      status: "failed",
      error: { name: "NotFound", message: `No code to lock at ${job.path ?? job.hash ?? job.id}` },
    };
  }
  return ctx.executor.lock(
    {
      language,
      domain: { workspace: job.workspace, permissionedAs: job.permissionedAs, environment: "lock" },
      script: { path: job.path ?? `u/${job.member.username}/preview`, content, lock: null },
      workspaceScripts: workspaceScripts(ctx.code, { ...job, temporary: job.options.temporaryScripts }),
      dependencyFiles: job.options.dependencyFiles ?? {},
    },
    { log: (text) => log.write(text), stream: () => undefined },
    signal,
  );
}

/** Resolves the dependencies of code to a lock: the result is `{lock}`, as clients of Windmill read it. */
export async function runDependencyJob(ctx: WorkerContext, running: RunningJob): Promise<JobEnd> {
  const outcome = await resolveLock(ctx, running);
  return outcome.status === "locked"
    ? { status: "success", result: JSON.stringify({ lock: outcome.lock }) }
    : { status: "failure", result: errorResult(outcome.error) };
}

/**
 * Ends the dependency job of a deployed version: the lock (or why there is none) and the end of the job are one
 * transaction, so that a version is never left waiting for a job that is over.
 */
export async function completeDeployment(
  ctx: WorkerContext,
  { job }: RunningJob,
  end: Omit<Completion, "id" | "attempt">,
): Promise<Ended | null> {
  const result = JSON.parse(end.result) as { lock?: string; error?: { message: string } };
  const [ended] = await ctx.db.transaction(
    async (tx) => {
      const written = await completeJobs(tx, [{ ...end, id: job.id, attempt: job.attempt }]);
      if (written.length > 0) {
        await tx.execute(sql`update script set lock = ${result.lock}, lock_error_logs = ${result.error?.message}
          where workspace_id = ${job.workspace} and hash = ${job.hash} and lock is null`);
      }
      return written;
    },
    { retry: "idempotent" },
  );
  ctx.bus.publish("changed", [
    `script:${job.workspace}:${job.path ?? ""}`,
    `script-version:${job.workspace}:${job.hash ?? ""}`,
  ]);
  return ended ?? null;
}
