import { completeJobs, hashToken, newJobId, pushJob, randomToken, type JobStatus } from "@towermill/queue";
import { sql, type Queryable } from "@towermill/store";
import { noConsequences, type Consequences, type TickerContext } from "./context.ts";
import { isFinal, mayPass } from "./failure.ts";
import { errorIn } from "./handler-job.ts";
import { answerQuestion, nextAttempt, type RetryQuestion } from "./next-attempt.ts";
import { react } from "./react.ts";
import { runJob } from "./run-job.ts";
import { scheduleColumns, scheduleOf, type Schedule, type ScheduleRow } from "./schedule.ts";

/** A tick whose job has ended, with its schedule. */
interface Ended extends Schedule {
  due: Date;
  state: "asking" | "open";
  job_id: string;
  failures: number;
  /** `null`: the job was deleted. */
  status: JobStatus | null;
  /** JSON text. */
  result: string | null;
  started_at: Date | null;
  now: Date;
}

type EndedRow = ScheduleRow & Omit<Ended, keyof Schedule>;

export type FinalState = "success" | "failure" | "canceled" | "skipped";

/**
 * What the skip script answers when the moment is to be left out. Windmill's API says of `dynamic_skip` that it answers
 * "skip (true) or run (false)".
 */
const skips = "true";

async function write(
  tx: Queryable,
  ended: Ended,
  change: { state: FinalState; jobId?: string; note?: string },
): Promise<void> {
  await tx.execute(sql`
    update schedule_tick set state = ${change.state}, settled_at = clock_timestamp(),
      job_id = coalesce(${change.jobId}::uuid, job_id), note = coalesce(${change.note}, note)
    where workspace_id = ${ended.workspace_id} and path = ${ended.path} and due = ${ended.due}`);
  await tx.execute(sql`
    update schedule set wake_at = next_run_at
    where workspace_id = ${ended.workspace_id} and path = ${ended.path} and waited and enabled`);
}

/** Starts the next job of a tick: the run after the question, or the next attempt. */
async function goOn(
  ctx: TickerContext,
  tx: Queryable,
  { ended, failures, notBefore, args }: { ended: Ended; failures: number; notBefore?: Date; args?: string },
): Promise<Consequences> {
  const id = newJobId();
  const job = await runJob(ctx, ended, {
    id,
    due: ended.due,
    ...(notBefore ? { notBefore } : {}),
    ...(args === undefined ? {} : { args }),
  });
  await tx.execute(sql`
    update schedule_tick set state = 'open', job_id = ${id}, failures = ${failures}
    where workspace_id = ${ended.workspace_id} and path = ${ended.path} and due = ${ended.due}`);
  await ctx.dispatcher.pushIn(tx, job);
  return { ...noConsequences(), pushed: [job] };
}

/** A run that is over before it starts, so that lists of runs show it. */
async function writeRun(
  ctx: TickerContext,
  tx: Queryable,
  { ended, status, result }: { ended: Ended; status: JobStatus; result: string },
): Promise<string> {
  const id = newJobId();
  const { concurrency: _, ...job } = await runJob(ctx, ended, { id, due: ended.due });
  await pushJob(tx, job, { worker: "schedule", tokenHash: hashToken(randomToken()) });
  await completeJobs(tx, [{ id, attempt: 1, status, result }]);
  return id;
}

/** What comes of the skip script's answer. */
async function decide(ctx: TickerContext, tx: Queryable, ended: Ended): Promise<Consequences> {
  const { status, result } = ended;
  if (status === "success" && (result ?? "").trim() !== skips) return goOn(ctx, tx, { ended, failures: 0 });
  if (status === "success") {
    const jobId = await writeRun(ctx, tx, { ended, status: "skipped", result: "null" });
    await write(tx, ended, { state: "skipped", jobId, note: "dynamic_skip" });
    return { ...noConsequences(), ended: [jobId] };
  }
  if (status !== "failure") {
    await write(tx, ended, { state: "canceled", note: "the dynamic_skip script was cancelled" });
    return noConsequences();
  }
  const message = `The dynamic_skip script failed: ${JSON.stringify(errorIn(result ?? "null"))}`;
  const failed = JSON.stringify({ error: { name: "DynamicSkipError", message } });
  const jobId = await writeRun(ctx, tx, { ended, status: "failure", result: failed });
  const pushed = await finish(ctx, tx, {
    ...ended,
    job_id: jobId,
    result: failed,
    started_at: null,
    status: "failure",
  });
  return { ...pushed, ended: [jobId] };
}

async function finish(ctx: TickerContext, tx: Queryable, ended: Ended): Promise<Consequences> {
  const gone = ended.status === null;
  await write(tx, ended, {
    state: ended.status ?? "canceled",
    jobId: ended.job_id,
    ...(gone ? { note: "its job was deleted" } : {}),
  });
  if (ended.status !== "success" && ended.status !== "failure") return noConsequences();
  const run = { jobId: ended.job_id, startedAt: ended.started_at, result: ended.result ?? "null" };
  return { ...noConsequences(), pushed: await react(ctx, tx, { schedule: ended, run }) };
}

/** @returns what followed, or the question that has to be answered before */
async function settle(ctx: TickerContext, tx: Queryable, ended: Ended): Promise<Consequences | RetryQuestion> {
  if (ended.state === "asking") return decide(ctx, tx, ended);
  const notBefore = await nextAttempt(ctx, tx, ended);
  if (!notBefore) return finish(ctx, tx, ended);
  if (!(notBefore instanceof Date)) return notBefore;
  const job = await tx.maybe<{ args: string | null }>(sql`select args from job where id = ${ended.job_id}`);
  try {
    return await goOn(ctx, tx, { ended, failures: ended.failures + 1, notBefore, args: job?.args ?? "{}" });
  } catch (error) {
    if (!isFinal(error)) throw error;
    return finish(ctx, tx, ended);
  }
}

/**
 * Takes one tick whose job has ended, whichever no other ticker holds, and does what follows from it in one transaction:
 * the next attempt, or the end and the handlers' jobs.
 * @returns what to tell; `null` when there is none
 */
export async function settleNext(ctx: TickerContext): Promise<Consequences | null> {
  let held: Ended | undefined;
  const work = async (tx: Queryable): Promise<Consequences | RetryQuestion | null> => {
    const row = await tx.maybe<EndedRow>(sql`
      select ${scheduleColumns}, t.due, t.state, t.job_id, t.failures, d.status, d.result, d.started_at, now() as now
      from schedule_tick t join schedule s using (workspace_id, path) left join job_done d on d.id = t.job_id
      where t.state in ('asking', 'open') and (d.id is not null or not exists (select from job_queue q where q.id = t.job_id))
      limit 1 for no key update of t, s skip locked`);
    if (!row) return null;
    held = scheduleOf(row);
    return settle(ctx, tx, held);
  };
  try {
    const done = await ctx.db.transaction(work);
    if (done === null || "pushed" in done) return done;
    // nothing was written: the run is taken again when the answer is known
    await answerQuestion(ctx, done);
    return noConsequences();
  } catch (error) {
    if (!held || mayPass(error)) throw error;
    ctx.log.error(
      { err: error, workspace: held.workspace_id, schedule: held.path },
      "the end of a scheduled run could not be handled",
    );
    const note = error instanceof Error ? error.message : String(error);
    await write(ctx.db, held, { state: held.state === "open" ? (held.status ?? "canceled") : "failure", note });
    return noConsequences();
  }
}
