import { claimedFrom, randomToken, type ClaimedJob, type Dispatcher, type NewJob } from "@towermill/queue";
import type { Pending } from "./batch.ts";
import type { Drive, FlowState } from "./drive.ts";
import type { Slot } from "./driver.ts";
import type { PlannedJob } from "./plan.ts";
import type { Written } from "./write.ts";

/** Slots that pushed jobs are claimed for. */
export interface Claims {
  /** The job for the slot of an entry, once the plan is written. */
  nextOf(pending: Pending): ClaimedJob | null;
  /** The plan is written: every claimed job has its slot. */
  start(written: Written): void;
  /** Nothing was written. */
  release(): void;
}

/**
 * Claims what the plan pushes in the push itself: for the slots of the jobs that just ended, then for free slots of
 * workers in this process. Saves a commit and a claim for each.
 */
export function assignSlots({ plan, states }: Drive, batch: readonly Pending[], dispatcher: Dispatcher): Claims {
  const handed = new Map<Pending, { planned: PlannedJob; secret: string }>();
  const reserved: { start(at: Date): void; release(): void }[] = [];
  const free = batch.filter((pending) => slotOf(pending) !== null);
  for (const [index, planned] of plan.jobs.entries()) {
    const { job } = planned;
    if (planned.state !== "queued" || job.concurrency || job.scheduledFor) continue;
    const secret = randomToken();
    const at = free.findIndex((pending) => slotOf(pending)?.serves(job.tag, isPinned(job)));
    const [pending] = at >= 0 ? free.splice(at, 1) : [];
    const slot = pending && slotOf(pending);
    if (pending && slot) {
      handed.set(pending, { planned, secret });
      plan.jobs[index] = { job, state: "claimed", worker: slot.worker, secret };
      continue;
    }
    const reservation = isPinned(job) ? null : dispatcher.reserve(job);
    if (!reservation) continue;
    reserved.push({
      start: (scheduledFor) => reservation.start(claimedFrom(job, { scheduledFor, secret }), Promise.resolve(true)),
      release: () => reservation.release(),
    });
    plan.jobs[index] = { job, state: "claimed", worker: reservation.worker, secret };
  }
  const open = [...states.values()].some(waitsInQueue) ? openOf(free) : [];
  const slot = open[0] && slotOf(open[0]);
  if (slot) plan.claim = { worker: slot.worker, tags: slot.tags(), secrets: open.map(() => randomToken()) };
  const next = new Map<Pending, ClaimedJob>();
  return {
    nextOf: (pending) => next.get(pending) ?? null,
    start({ at, claimed }) {
      for (const [pending, { planned, secret }] of handed) {
        next.set(pending, claimedFrom(planned.job, { scheduledFor: at, secret }));
      }
      for (const [index, job] of claimed.entries()) {
        const pending = open[index];
        if (pending) next.set(pending, job);
      }
      for (const reservation of reserved) reservation.start(at);
    },
    release: () => reserved.forEach((reservation) => reservation.release()),
  };
}

function slotOf({ entry }: Pending): Slot | null {
  return entry.kind === "event" ? null : entry.slot;
}

/** Those of one worker whose slots may be given to anybody. */
function openOf(free: readonly Pending[]): Pending[] {
  const open = free.filter((pending) => (slotOf(pending)?.tags() ?? []).length > 0);
  const [first] = open;
  return open.filter((pending) => first && slotOf(pending)?.worker === slotOf(first)?.worker);
}

/** Whether children of a parallel step are probably in the queue: then a slot is filled in the same commit. */
function waitsInQueue({ status, over }: FlowState): boolean {
  const module = status.modules[status.step];
  if (over || module?.type !== "InProgress" || !module.parallel || !module.progress) return false;
  const ended = module.progress.done.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  return (module.children ?? 0) > ended;
}

/** Where the step before ran, whatever the tags: that is where `./shared` is. */
function isPinned({ options }: NewJob): boolean {
  return options?.flow?.shared === true;
}
