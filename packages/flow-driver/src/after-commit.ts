import { setImmediate as nextTurn } from "node:timers/promises";
import { ApiError } from "@towermill/contract";
import { noteInLog, releaseNext, type Dispatcher, type Ended } from "@towermill/queue";
import type { Bus, Database, Log } from "@towermill/store";
import type { Drive, DriveContext } from "./drive.ts";
import type { Pending } from "./entry.ts";
import { keepNewest } from "./memory.ts";
import { itemKey } from "./result.ts";
import { rootOf } from "./place.ts";
import type { Claims } from "./slots.ts";
import type { Written } from "./write.ts";

/** What a commit is told to. */
export interface Surroundings {
  ctx: DriveContext;
  db: Database;
  bus: Bus;
  dispatcher: Dispatcher;
  log: Log;
}

interface Commit {
  written: Written;
  batch: readonly Pending[];
  claimed: Claims;
}

const mostStatuses = 2000;

/** What follows when a plan is written: claimed jobs start, others' workers wake, everybody who waits is told. */
export async function afterCommit(options: Surroundings, work: Drive, commit: Commit): Promise<void> {
  const { bus, dispatcher, log } = options;
  const { written, batch, claimed } = commit;
  claimed.start(written);
  // a step that follows at once is on its way to its process before all else
  if (claimed.isHandedOn) await nextTurn();
  remember(options.ctx, work);
  const ended = endedOf(work);
  const byId = new Map(ended.map((job) => [job.id, job]));
  const reasons = new Map(work.ignored.map(({ event, reason }) => [event, reason]));
  for (const pending of batch) {
    const { entry } = pending;
    const id = entry.kind === "event" ? entry.flowJob : entry.job.id;
    const refused = entry.kind === "event" ? reasons.get(entry.event) : undefined;
    if (refused !== undefined && entry.kind === "event" && entry.event.type === "resume")
      pending.fail(new ApiError("bad_request", refused));
    else pending.done({ ended: byId.get(id) ?? null, next: claimed.nextOf(pending) });
  }
  if (batch.some((pending) => claimed.nextOf(pending) !== null)) await nextTurn();
  dispatcher.ended(ended);
  bus.publish("live", [...new Set([...work.states.values()].flatMap(({ run: { job } }) => [job.id, rootOf(job)]))]);
  if (work.plan.early.length > 0)
    await dispatcher.announce(work.plan.early.map(({ job }) => job)).catch(() => undefined);
  dispatcher.wake(
    work.plan.jobs.flatMap(({ state, job }) => (state === "queued" && !job.scheduledFor ? [job.tag] : [])),
  );
  await followUp(options, work, written).catch((error: unknown) =>
    log.warn({ err: error }, "a flow moved, but not everything that follows from it was written"),
  );
}

function remember(ctx: DriveContext, { plan, states }: Drive): void {
  for (const { id, to } of plan.flows) {
    const state = states.get(id);
    ctx.statuses.delete(id);
    if (!state || state.over) continue;
    if (!ctx.runs.known(id)) ctx.runs.remember(state.run);
    keepNewest(ctx.statuses, id, { status: state.status, revision: to }, mostStatuses);
  }
  for (const { flowJob, step, attempt, values } of plan.items) {
    for (const [index, value] of values.entries()) ctx.recent.set(itemKey(flowJob, { step, attempt, index }), value);
  }
  for (const { id, result } of plan.ends) ctx.recent.set(id, result);
  for (const planned of plan.jobs) if (planned.state === "done") ctx.recent.set(planned.job.id, planned.result);
}

function endedOf({ plan, states }: Drive): Ended[] {
  const workspace = [...states.values()][0]?.run.job.workspace ?? "";
  return [
    ...plan.ends.map(({ id, status, result }) => ({ id, workspace, status, result, concurrencyKey: null })),
    ...plan.jobs.flatMap((planned) =>
      planned.state === "done"
        ? [{ id: planned.job.id, workspace, status: planned.status, result: planned.result, concurrencyKey: null }]
        : [],
    ),
  ];
}

async function followUp({ db, dispatcher }: Surroundings, work: Drive, written: Written): Promise<void> {
  for (const { job, text } of work.plan.notes) await noteInLog(db, job, text);
  for (const key of new Set(written.freed)) {
    const count = written.freed.filter((other) => other === key).length;
    dispatcher.wake(await releaseNext(db, key, count));
  }
}
