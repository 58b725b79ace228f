import { retryDelay } from "@towermill/openflow";
import type { JobStatus } from "@towermill/queue";
import { sql, type Queryable } from "@towermill/store";
import type { TickerContext } from "./context.ts";
import { errorIn } from "./handler-job.ts";
import { overlapOf, type Schedule } from "./schedule.ts";

interface EndedAttempt extends Schedule {
  due: Date;
  job_id: string;
  failures: number;
  status: JobStatus | null;
  /** JSON text. */
  result: string | null;
  now: Date;
}

/** An expression that decides whether a failed run is tried again. */
export interface RetryQuestion {
  jobId: string;
  expression: string;
  workspace: string;
  /** JSON text. */
  result: string;
}

const mostAnswers = 1000;

/** Whether a newer run has taken over: trying this one again would end that. */
async function isReplaced(tx: Queryable, { workspace_id, path, due, ...schedule }: EndedAttempt): Promise<boolean> {
  if (overlapOf(schedule) !== "cancel") return false;
  const newer = await tx.maybe(sql`
    select from schedule_tick where workspace_id = ${workspace_id} and path = ${path} and due > ${due} and state <> 'missed' limit 1`);
  return newer !== undefined;
}

/** When a failed run is tried again, `null` = it is not, or what has to be known before. */
export async function nextAttempt(
  ctx: TickerContext,
  tx: Queryable,
  ended: EndedAttempt,
): Promise<Date | RetryQuestion | null> {
  const { retry } = ended.options;
  if (ended.status !== "failure" || !retry || ended.is_flow) return null;
  const seconds = retryDelay(retry, ended.failures, Math.random());
  if (seconds === null || (await isReplaced(tx, ended))) return null;
  if (retry.retry_if && ctx.retryIf) {
    const answer = ctx.answers.get(ended.job_id);
    const { job_id: jobId, workspace_id: workspace } = ended;
    if (answer === undefined)
      return { jobId, workspace, expression: retry.retry_if.expr, result: ended.result ?? "null" };
    if (!answer) return null;
  }
  return new Date(ended.now.getTime() + seconds * 1000);
}

/** Evaluates an expression while no transaction is open, and keeps the answer. One that cannot be evaluated says no. */
export async function answerQuestion(
  ctx: TickerContext,
  { jobId, expression, workspace, result }: RetryQuestion,
): Promise<void> {
  const scope = { workspace, result, error: JSON.stringify(errorIn(result)) };
  const answer = await ctx.retryIf?.(expression, scope).catch((error: unknown) => {
    ctx.log.warn(
      { err: error, workspace, job: jobId },
      "retry_if of a schedule could not be evaluated, the run is not tried again",
    );
    return false;
  });
  if (ctx.answers.size >= mostAnswers) ctx.answers.clear();
  ctx.answers.set(jobId, answer ?? true);
}
