import { nextOccurrence } from "@towermill/cron";
import { cancelJobs, newJobId } from "@towermill/queue";
import { scheduleCreator } from "@towermill/runnable";
import { sql, type Queryable } from "@towermill/store";
import { noConsequences, type Consequences, type TickerContext } from "./context.ts";
import { isFinal, mayPass } from "./failure.ts";
import { planTick, type Missed } from "./plan.ts";
import { runJob, skipScriptJob } from "./run-job.ts";
import {
  catchUpOf,
  overlapOf,
  scheduleColumns,
  scheduleOf,
  timetableOf,
  type Schedule,
  type ScheduleRow,
} from "./schedule.ts";

/** How long a schedule is left alone whose tick failed for no reason that is its own. */
const pauseSeconds = 30;
/** How often a schedule that waits for an earlier run looks for its end without being told. */
const waitSeconds = 2;

type Due = Schedule & { now: Date; archived: boolean };

/** Jobs of earlier runs that have not ended, or that a retry will follow. */
async function runsUnderWay(tx: Queryable, { workspace_id, path, options }: Due): Promise<string[]> {
  const rows = await tx.query<{ job_id: string }>(sql`
    select t.job_id from schedule_tick t left join job_done d on d.id = t.job_id
    where t.workspace_id = ${workspace_id} and t.path = ${path} and t.state in ('asking', 'open')
      and (exists (select from job_queue q where q.id = t.job_id) or (${options.retry !== undefined} and d.status = 'failure'))`);
  return rows.map((row) => row.job_id);
}

interface Tick {
  due: Date;
  state: "asking" | "open" | "skipped" | "missed";
  jobId?: string;
  times?: number;
  note?: string;
}

/** @returns whether the moment was free: one that is taken already must not run again */
async function writeTick(tx: Queryable, { workspace_id, path }: Due, tick: Tick): Promise<boolean> {
  const settled = tick.state === "skipped" || tick.state === "missed";
  const written = await tx.execute(sql`
    insert into schedule_tick (workspace_id, path, due, state, job_id, times, note, settled_at)
    values (${workspace_id}, ${path}, ${tick.due}, ${tick.state}, ${tick.jobId}, ${tick.times ?? 1}, ${tick.note},
      case when ${settled} then clock_timestamp() end)
    on conflict do nothing`);
  return written === 1;
}

function missedTick({ from, count }: Missed): Tick {
  return { due: from, state: "missed", times: count, note: "no server or database was there when it was due" };
}

async function moveOn(tx: Queryable, { workspace_id, path }: Due, next: Date | null): Promise<void> {
  await tx.execute(sql`
    update schedule set next_run_at = ${next}, wake_at = coalesce(${next}::timestamptz, 'infinity'), waited = false,
      paused_until = case when paused_until > now() then paused_until end
    where workspace_id = ${workspace_id} and path = ${path}`);
}

async function cancelRuns(
  tx: Queryable,
  schedule: Due,
  ids: readonly string[],
): Promise<Pick<Consequences, "ended" | "stopping">> {
  const reason = "the next run of the schedule is due";
  return cancelJobs(tx, { workspace: schedule.workspace_id, ids, by: scheduleCreator(schedule), reason });
}

/** Runs one moment, or writes down why not. */
async function runAt(
  ctx: TickerContext,
  tx: Queryable,
  { schedule, due }: { schedule: Due; due: Date },
): Promise<Consequences | "wait"> {
  const overlap = overlapOf(schedule);
  const underWay = overlap === "allow" ? [] : await runsUnderWay(tx, schedule);
  const consequences = noConsequences();
  if (underWay.length > 0 && overlap === "queue") return "wait";
  if (underWay.length > 0 && overlap === "skip") {
    await writeTick(tx, schedule, { due, state: "skipped", note: "an earlier run was under way" });
    return consequences;
  }
  const asks = schedule.options.dynamic_skip !== undefined;
  const job = await (asks ? skipScriptJob : runJob)(ctx, schedule, { id: newJobId(), due });
  if (!(await writeTick(tx, schedule, { due, state: asks ? "asking" : "open", jobId: job.id }))) return consequences;
  const canceled = underWay.length > 0 ? await cancelRuns(tx, schedule, underWay) : {};
  await ctx.dispatcher.pushIn(tx, job);
  return { ...consequences, ...canceled, pushed: [job] };
}

/** Plans the next moment alone: of a schedule that has none (it was restored, or imported), or whose workspace is archived. */
async function planOnly(tx: Queryable, schedule: Due): Promise<Consequences> {
  const { now, paused_until: pause } = schedule;
  await moveOn(tx, schedule, nextOccurrence(timetableOf(schedule), pause && pause > now ? pause : now));
  return noConsequences();
}

async function handleDue(ctx: TickerContext, tx: Queryable, schedule: Due): Promise<Consequences> {
  const { now, next_run_at: due, waited } = schedule;
  if (!due || schedule.archived) return planOnly(tx, schedule);
  const plan = planTick({ timetable: timetableOf(schedule), due, now, catchUp: catchUpOf(schedule), waited });
  if (plan.missed) await writeTick(tx, schedule, missedTick(plan.missed));
  const done = plan.fire ? await runAt(ctx, tx, { schedule, due: plan.fire }) : noConsequences();
  if (done !== "wait") {
    await moveOn(tx, schedule, plan.next);
    return done;
  }
  await tx.execute(sql`
    update schedule set waited = true, next_run_at = ${plan.fire}, wake_at = now() + make_interval(secs => ${waitSeconds})
    where workspace_id = ${schedule.workspace_id} and path = ${schedule.path}`);
  return noConsequences();
}

async function disable(
  ctx: TickerContext,
  tx: Queryable,
  { schedule, error }: { schedule: Due; error: Error },
): Promise<void> {
  await tx.execute(sql`
    update schedule set enabled = false, error = ${error.message}
    where workspace_id = ${schedule.workspace_id} and path = ${schedule.path}`);
  ctx.log.warn(
    { err: error, workspace: schedule.workspace_id, schedule: schedule.path },
    "a schedule was disabled: it cannot run",
  );
}

/**
 * Takes one schedule that is due, whichever no other ticker holds, and handles its earliest moment in one transaction:
 * job, tick and next moment are written together or not at all.
 * @returns what to tell; `null` when nothing is due
 */
export async function fireNext(ctx: TickerContext): Promise<Consequences | null> {
  let held: Due | undefined;
  const work = async (tx: Queryable): Promise<Consequences | null> => {
    const row = await tx.maybe<ScheduleRow & Pick<Due, "now" | "archived">>(sql`
      select ${scheduleColumns}, now() as now, exists (select from workspace w where w.id = s.workspace_id and w.deleted) as archived
      from schedule s
      where s.enabled and s.wake_at <= now() order by s.wake_at limit 1 for no key update skip locked`);
    if (!row) return null;
    held = scheduleOf(row);
    try {
      return await handleDue(ctx, tx, held);
    } catch (error) {
      if (!isFinal(error)) throw error;
      await disable(ctx, tx, { schedule: held, error });
      return noConsequences();
    }
  };
  try {
    return await ctx.db.transaction(work);
  } catch (error) {
    if (!held || mayPass(error)) throw error;
    ctx.log.error(
      { err: error, workspace: held.workspace_id, schedule: held.path },
      "a schedule could not be run, it is tried again",
    );
    await ctx.db.execute(sql`
      update schedule set wake_at = now() + make_interval(secs => ${pauseSeconds})
      where workspace_id = ${held.workspace_id} and path = ${held.path} and next_run_at is not distinct from ${held.next_run_at}`);
    return noConsequences();
  }
}
