import { isLanguage, type Language } from "@towermill/contract";
import { completeJobs, type Completion, type Ended } from "@towermill/queue";
import { sql } from "@towermill/store";
import { workspaceScripts } from "./code.ts";
import { lockInlineScripts, type InlineScript } from "./inline-scripts.ts";
import { errorResult } from "./outcome.ts";
import type { JobEnd, RunningJob, WorkerContext } from "./running-job.ts";

/** Languages whose imports are resolved; code of the others is stored without a lock. */
const locked: readonly Language[] = ["bun", "bunnative", "nativets", "deno", "python3"];

/** A script whose dependencies could not be resolved. */
class LockFailure extends Error {}

/** JSON text of the flow the job is about: the one it carries, or a deployed version. */
async function valueOf({ db }: WorkerContext, { job }: RunningJob): Promise<string | null> {
  const row = await db.maybe<{ value: string | null }>(
    job.hash === null
      ? sql`select raw_flow as value from job where id = ${job.id}`
      : sql`select value from flow_version where workspace_id = ${job.workspace} and id = ${job.hash}::bigint`,
  );
  return row?.value ?? null;
}

async function lockOf(
  ctx: WorkerContext,
  running: RunningJob,
  { step, language, content }: InlineScript,
): Promise<string | null> {
  const { job, log, signal } = running;
  if (!isLanguage(language) || !locked.includes(language)) return null;
  log.write(`Resolving the dependencies of step ${step} (${language})\n`);
  const path = `${job.path ?? `u/${job.member.username}/preview`}/${step}`;
  const outcome = await ctx.executor.lock(
    {
      language,
      domain: { workspace: job.workspace, permissionedAs: job.permissionedAs, environment: "lock" },
      script: { path, content, lock: null },
      workspaceScripts: workspaceScripts(ctx.code, { ...job, temporary: job.options.temporaryScripts }),
      dependencyFiles: job.options.dependencyFiles ?? {},
    },
    { log: (text) => log.write(text), stream: () => undefined },
    signal,
  );
  if (outcome.status === "failed") throw new LockFailure(`Step ${step}: ${outcome.error.message}`);
  return outcome.lock;
}

/** Resolves the dependencies of a flow's inline scripts: the result is `{updated_flow_value}`, as clients of Windmill read it. */
export async function runFlowDependencyJob(ctx: WorkerContext, running: RunningJob): Promise<JobEnd> {
  const value = await valueOf(ctx, running);
  if (value === null) {
    const message = `The version ${running.job.hash ?? ""} of the flow does not exist any more`;
    return { status: "failure", result: errorResult({ name: "NotFound", message }) };
  }
  try {
    const updated = await lockInlineScripts(value, (script) => lockOf(ctx, running, script));
    return { status: "success", result: `{"updated_flow_value":${updated}}` };
  } catch (error) {
    if (!(error instanceof LockFailure)) throw error;
    return { status: "failure", result: errorResult({ name: "ExecutionErr", message: error.message }) };
  }
}

/**
 * Ends the dependency job of a deployed version: the locks (or why there are none) and the end of the job are one
 * transaction, so that a flow is never left waiting for a job that is over.
 */
export async function completeFlowDeployment(
  ctx: WorkerContext,
  { job }: RunningJob,
  end: Omit<Completion, "id" | "attempt">,
): Promise<Ended | null> {
  const start = '{"updated_flow_value":';
  const updated = end.status === "success" && end.result.startsWith(start) ? end.result.slice(start.length, -1) : null;
  const problem = updated === null ? (JSON.parse(end.result) as { error?: { message?: string } }).error?.message : null;
  const paths = new Set([job.path ?? ""]);
  const [ended] = await ctx.db.transaction(
    async (tx) => {
      const written = await completeJobs(tx, [{ ...end, id: job.id, attempt: job.attempt }]);
      if (written.length === 0) return written;
      if (updated !== null) {
        await tx.execute(sql`update flow_version set value = ${updated}
          where workspace_id = ${job.workspace} and id = ${job.hash}::bigint`);
      }
      const flows = await tx.query<{ path: string }>(sql`
        update flow set value = coalesce(${updated}::json, value), lock_error_logs = ${problem}
        where workspace_id = ${job.workspace} and version = ${job.hash}::bigint returning path`);
      for (const { path } of flows) paths.add(path);
      return written;
    },
    { retry: "idempotent" },
  );
  const changed = [...paths].map((path) => `flow:${job.workspace}:${path}`);
  ctx.bus.publish("changed", [...changed, `flow-version:${job.workspace}:${job.hash ?? ""}`]);
  return ended ?? null;
}
