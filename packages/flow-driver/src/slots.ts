import { claimedFrom, randomToken, type ClaimedJob, type Dispatcher, type NewJob } from "@towermill/queue";
import type { Drive, FlowState } from "./drive.ts";
import type { Pending } from "./entry.ts";
import type { Slot } from "./slot.ts";
import type { Written } from "./write.ts";

/** Slots that jobs are claimed for. */
export interface Claims {
  /** The plan is on its way: what it pushes for the slots of its own jobs is made ready there. */
  prepare(): void;
  /** The plan is written: every claimed job has its slot. */
  start(written: Written): void;
  /** Nothing was written. */
  release(): void;
  /** A job that waited and was claimed for the slot of an entry. */
  nextOf(pending: Pending): ClaimedJob | null;
  /** Whether slots of its own jobs went to what it pushes. */
  readonly isHandedOn: boolean;
}

/** A pushed job for the slot of an entry. */
interface Handed {
  pending: Pending;
  slot: Slot;
  job: NewJob;
  secret: string;
}

/**
 * Claims what the plan pushes in the push itself: for the slots of the jobs that just ended, then for free slots of
 * workers in this process. Saves a commit and a claim for each.
 */
export function assignSlots({ plan, states }: Drive, batch: readonly Pending[], dispatcher: Dispatcher): Claims {
  const handed: Handed[] = [];
  const reserved: { start(): void; release(): void }[] = [];
  let settle: (isWritten: boolean) => void = () => undefined;
  const isWritten = new Promise<boolean>((resolve) => (settle = resolve));
  const scheduledFor = new Date();
  const free = batch.filter((pending) => slotOf(pending) !== null);
  for (const [index, planned] of plan.jobs.entries()) {
    const { job } = planned;
    if (planned.state !== "queued" || job.concurrency || job.scheduledFor) continue;
    const secret = randomToken();
    const at = free.findIndex((pending) => slotOf(pending)?.serves(job.tag, isPinned(job)));
    const [pending] = at >= 0 ? free.splice(at, 1) : [];
    const slot = pending && slotOf(pending);
    if (pending && slot) {
      handed.push({ pending, slot, job, secret });
      plan.jobs[index] = { job, state: "claimed", worker: slot.worker, secret, at: scheduledFor };
      continue;
    }
    const reservation = isPinned(job) ? null : dispatcher.reserve(job);
    if (!reservation) continue;
    reserved.push({
      start: () => reservation.start(claimedFrom(job, { scheduledFor, secret }), isWritten),
      release: () => reservation.release(),
    });
    plan.jobs[index] = { job, state: "claimed", worker: reservation.worker, secret, at: scheduledFor };
  }
  const open = [...states.values()].some(waitsInQueue) ? openOf(free) : [];
  const slot = open[0] && slotOf(open[0]);
  if (slot) plan.claim = { worker: slot.worker, tags: slot.tags(), secrets: open.map(() => randomToken()) };
  const next = new Map<Pending, ClaimedJob>();
  const isHandedOn = handed.length > 0;
  const handOver = (): void => {
    for (const { pending, slot: own, job, secret } of handed.splice(0)) {
      // should the plan be refused, what is tried instead finds another slot
      giveAway(pending);
      own.goOn(claimedFrom(job, { scheduledFor, secret }), isWritten);
    }
  };
  // one that must run where the step before did cannot find another slot
  const mayPrepare = !handed.some(({ job }) => isPinned(job));
  return {
    isHandedOn,
    prepare() {
      if (mayPrepare) handOver();
    },
    start({ claimed }) {
      handOver();
      settle(true);
      for (const [index, job] of claimed.entries()) {
        const pending = open[index];
        if (pending) next.set(pending, job);
      }
      for (const reservation of reserved) reservation.start();
    },
    release() {
      handed.length = 0;
      settle(false);
      for (const reservation of reserved) reservation.release();
    },
    nextOf: (pending) => next.get(pending) ?? null,
  };
}

function giveAway({ entry }: Pending): void {
  if (entry.kind !== "event") entry.slot = null;
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
export function isPinned({ options }: NewJob): boolean {
  return options?.flow?.shared === true;
}
