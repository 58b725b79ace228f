import { claimedFrom, randomToken, type ClaimedJob, type Dispatcher, type NewJob } from "@towermill/queue";
import type { Pending } from "./batch.ts";
import type { Plan, PlannedJob } from "./plan.ts";

/** Slots that pushed jobs are claimed for. */
export interface Claims {
  /** The job for the slot of an entry, once the plan is written. */
  nextOf(pending: Pending, at: Date): ClaimedJob | null;
  /** Starts the others. */
  start(at: Date): void;
  /** Nothing was written. */
  release(): void;
}

/**
 * Claims what the plan pushes in the push itself: for the slots of the jobs that just ended, then for free slots of
 * workers in this process. Saves a commit and a claim for each.
 */
export function assignSlots(plan: Plan, batch: readonly Pending[], dispatcher: Dispatcher): Claims {
  const handed = new Map<Pending, { planned: PlannedJob; secret: string }>();
  const reserved: { start(at: Date): void; release(): void }[] = [];
  const free = batch.filter(({ entry }) => entry.kind !== "event" && entry.slot !== null);
  for (const [index, planned] of plan.jobs.entries()) {
    const { job } = planned;
    if (planned.state !== "queued" || job.concurrency || job.scheduledFor) continue;
    const secret = randomToken();
    const at = free.findIndex(({ entry }) => entry.kind !== "event" && entry.slot?.serves(job.tag, isPinned(job)));
    const [pending] = at >= 0 ? free.splice(at, 1) : [];
    const slot = pending && pending.entry.kind !== "event" ? pending.entry.slot : null;
    if (pending && slot) {
      handed.set(pending, { planned, secret });
      plan.jobs[index] = { job, state: "claimed", worker: slot.worker, secret };
      continue;
    }
    const reservation = isPinned(job) ? null : dispatcher.reserve(job.tag);
    if (!reservation) continue;
    reserved.push({
      start: (scheduledFor) => reservation.start(claimedFrom(job, { scheduledFor, secret })),
      release: () => reservation.release(),
    });
    plan.jobs[index] = { job, state: "claimed", worker: reservation.worker, secret };
  }
  return {
    nextOf(pending, scheduledFor) {
      const next = handed.get(pending);
      return next ? claimedFrom(next.planned.job, { scheduledFor, secret: next.secret }) : null;
    },
    start: (at) => reserved.forEach((reservation) => reservation.start(at)),
    release: () => reserved.forEach((reservation) => reservation.release()),
  };
}

/** Where the step before ran, whatever the tags: that is where `./shared` is. */
function isPinned({ options }: NewJob): boolean {
  return options?.flow?.shared === true;
}
