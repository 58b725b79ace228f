import type { NewJob } from "@towermill/queue";
import { sql, type Queryable } from "@towermill/store";
import type { TickerContext } from "./context.ts";
import { isFinal } from "./failure.ts";
import { handlerJob, type EndedRun } from "./handler-job.ts";
import { historyNeeded, reactionsTo, type Reaction, type RunEnd } from "./reaction.ts";
import type { Schedule } from "./schedule.ts";

interface Occasion {
  schedule: Schedule;
  run: EndedRun;
}

async function readEnds(
  tx: Queryable,
  { workspace_id, path, options }: Schedule,
): Promise<{ state: RunEnd; job_id: string | null }[]> {
  return tx.query(sql`
    select state, job_id from schedule_tick
    where workspace_id = ${workspace_id} and path = ${path} and settled_at is not null and state in ('success', 'failure')
    order by settled_at desc, due desc limit ${historyNeeded(options)}`);
}

async function readRun(tx: Queryable, jobId: string | null | undefined): Promise<EndedRun | null> {
  if (!jobId) return null;
  const row = await tx.maybe<{ started_at: Date | null; result: string | null }>(
    sql`select started_at, result from job_done where id = ${jobId}`,
  );
  return row ? { jobId, startedAt: row.started_at, result: row.result ?? "null" } : null;
}

async function noteMissing(tx: Queryable, { workspace_id, path }: Schedule, message: string): Promise<void> {
  await tx.execute(sql`update schedule set error = ${message} where workspace_id = ${workspace_id} and path = ${path}`);
}

/**
 * Pushes the handlers that a run calls for. The tick of the run is settled already, and the schedule's row is locked, so
 * runs that end at the same time see each other. A handler that is missing is told on the schedule, which goes on.
 */
export async function react(ctx: TickerContext, tx: Queryable, { schedule, run }: Occasion): Promise<NewJob[]> {
  const { on_failure, on_recovery, on_success } = schedule.options;
  if (!on_failure && !on_recovery && !on_success) return [];
  const ends = await readEnds(tx, schedule);
  const pushed: NewJob[] = [];
  for (const reaction of reactionsTo(
    ends.map((end) => end.state),
    schedule.options,
  )) {
    const lastFailure = ends.find((end) => end.state === "failure");
    const failed = reaction === "recovery" ? await readRun(tx, lastFailure?.job_id) : null;
    try {
      const job = await handlerJob(ctx, schedule, { reaction, run, failed });
      await ctx.dispatcher.pushIn(tx, job);
      pushed.push(job);
    } catch (error) {
      if (!isFinal(error)) throw error;
      await noteMissing(tx, schedule, `on_${reaction}: ${error.message}`);
      ctx.log.warn({ err: error, workspace: schedule.workspace_id, schedule: schedule.path }, missing(reaction));
    }
  }
  return pushed;
}

function missing(reaction: Reaction): string {
  return `the on_${reaction} handler of a schedule could not be started`;
}
