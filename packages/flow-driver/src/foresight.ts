import type { FlowStatus } from "@towermill/openflow";
import type { ClaimedJob, Completion, Dispatcher } from "@towermill/queue";
import { createDrive, drive, type Drive, type DriveContext, type FlowState } from "./drive.ts";
import { beginFlow, keepResult, plannedEnd, tellFlow, type EndEntry, type Pending } from "./entry.ts";
import { saysRecover } from "./marks.ts";
import { keepNewest } from "./memory.ts";
import type { Slot } from "./slot.ts";
import { assignSlots, isPinned, type Claims } from "./slots.ts";
import { createRefusal, openContext, timelessContext } from "./timeless-context.ts";
import { isPlainMove, phrase, type Phrased } from "./write.ts";

/** A move of a flow that was worked out before its time. */
export interface Foreseen {
  work: Drive;
  /** What of it was made ready besides. */
  claims?: Claims;
  phrased?: Phrased;
}

/**
 * While a flow or step is being written or runs, the driver has nothing to do: it works out what follows. How a flow begins
 * is worked out but for secrets, which nobody reads for a job that is not there. What follows a step's success is worked out
 * as far as it cannot be otherwise when the step has ended: from the flow, its arguments and results that are there already;
 * whatever asks for more (the step's own result, the database, a script that may look at the clock) waits for its time.
 */
export interface Foresight {
  /** How a flow begins that is being pushed; `null` when that cannot be told yet. Never rejects. */
  begin(job: ClaimedJob): Promise<Drive | null>;
  /** A drive is being written: what it pushes may start before its flows are kept in memory. */
  writing(work: Drive): void;
  written(work: Drive): void;
  /** A step begins to run in a slot. */
  expect(job: ClaimedJob, slot: Slot): void;
  /** What was foreseen of an entry that comes alone, if it still holds. */
  take(batch: readonly Pending[]): Foreseen | null;
}

interface Prediction extends Required<Foreseen> {
  slot: Slot;
  /** Stands in for the entry of the step's end. */
  pending: Pending;
  madeAt: number;
}

/** Ids and moments in the plan are of when it was made: it must not be older. */
const longestMs = 1000;
const mostPredictions = 64;
/** What could not be foreseen so many times in a row is tried seldom: once in so many times. */
const patience = 3;
const seldom = 50;
const mostPlaces = 1000;

export interface ForesightOptions {
  ctx: DriveContext;
  dispatcher: Dispatcher;
  /** Milliseconds of a clock that only goes forward. */
  now?: () => number;
}

export function createForesight({ ctx, dispatcher, now = () => performance.now() }: ForesightOptions): Foresight {
  const underWay = new Map<string, Drive>();
  /** Drives that are being written. */
  let writes = 0;
  const predictions = new Map<string, Prediction>();
  /** How often in a row a place's future was not to be told. */
  const misses = new Map<string, number>();

  const miss = (place: string): void => keepNewest(misses, place, (misses.get(place) ?? 0) + 1, mostPlaces);

  const predictionOf = (job: string): Prediction | undefined => {
    const prediction = predictions.get(job);
    predictions.delete(job);
    return prediction;
  };

  const predict = async (job: ClaimedJob, slot: Slot): Promise<void> => {
    const refusal = createRefusal();
    const timeless = timelessContext(ctx, underWay.get(job.id), refusal);
    const flow = job.parentJob === null ? undefined : timeless.statusOf(job.parentJob);
    if (!flow || isParallel(flow.status)) return;
    const work = createDrive(timeless);
    const completion: Completion = { id: job.id, attempt: job.attempt, status: "success", result: "" };
    work.plan.ends.push(plannedEnd(job, completion));
    tellFlow(work, job, { success: true });
    await drive(work);
    if (refusal.happened) return miss(placeOf(job));
    misses.delete(placeOf(job));
    if (!isSimple(work, slot)) return;
    const pending: Pending = { entry: { kind: "end", job, completion, slot }, broken: null, done: none, fail: none };
    const claims = assignSlots(work, [pending], dispatcher);
    const phrased = phrase(work.plan);
    keepNewest(predictions, job.id, { work, claims, phrased, slot, pending, madeAt: now() }, mostPredictions);
  };

  const holds = ({ work, slot, madeAt }: Prediction, { completion, slot: own }: EndEntry): boolean =>
    (completion.status === "success" || completion.status === "skipped") &&
    !saysRecover(completion.result) &&
    now() - madeAt < longestMs &&
    own === slot &&
    fits(work, slot) &&
    [...work.states].every(([id, state]) => isNewest(ctx, id, state));

  return {
    async begin(job) {
      // the flow around it may be just being written
      if (writes > 1 || job.parentJob !== null) return null;
      const refusal = createRefusal();
      const work = createDrive(openContext(ctx, refusal));
      try {
        await beginFlow(work, job, true);
        await drive(work);
      } catch {
        return null; // it is said when the flow begins in its time
      }
      return refusal.happened ? null : work;
    },
    writing(work) {
      writes += 1;
      for (const { job, state } of work.plan.jobs) if (state === "claimed") underWay.set(job.id, work);
    },
    written(work) {
      writes -= 1;
      for (const { job } of work.plan.jobs) underWay.delete(job.id);
    },
    expect(job, slot) {
      // where several flows move at once there is always something to do
      if (writes > 1) return;
      const missed = misses.get(placeOf(job)) ?? 0;
      if (missed >= patience && missed % seldom !== 0) return miss(placeOf(job));
      // what runs the step goes first; what goes wrong here comes up again in its time
      setImmediate(() => void predict(job, slot).catch(() => miss(placeOf(job))));
    },
    take(batch) {
      // none is kept for longer than its step runs
      const [prediction] = batch.map(({ entry }) => (entry.kind === "end" ? predictionOf(entry.job.id) : undefined));
      const [pending] = batch;
      if (!pending || batch.length > 1 || pending.broken !== null) return null;
      const { entry } = pending;
      if (entry.kind === "begin") return entry.foreseen && { work: entry.foreseen };
      if (entry.kind !== "end" || !prediction || !holds(prediction, entry)) return null;
      prediction.pending.entry = entry;
      prediction.work.plan.ends[0] = plannedEnd(entry.job, entry.completion);
      keepResult(prediction.work, entry.job, entry.completion.result);
      return prediction;
    },
  };
}

const none = (): void => undefined;

/** Steps of one place in one flow have the same prospects. */
function placeOf({ options: { flow }, flowStepId }: ClaimedJob): string {
  return `${flow?.version ?? flow?.root ?? ""} ${flowStepId ?? ""}`;
}

/** Others may end before the step: what follows then is something else. */
function isParallel({ modules, step }: FlowStatus): boolean {
  const module = modules[step];
  return module?.type === "InProgress" && module.parallel === true;
}

/** Nothing comes of it but ends, and what follows in the same slot. */
function isSimple({ plan, states, ignored }: Drive, slot: Slot): boolean {
  const queued = plan.jobs.filter(({ state }) => state === "queued");
  return (
    ignored.length === 0 &&
    isPlainMove(plan) &&
    [...states.values()].every(({ wait }) => wait === null) &&
    queued.length <= 1 &&
    queued.every(({ job }) => !job.concurrency && !job.scheduledFor && slot.serves(job.tag, isPinned(job)))
  );
}

/** The slot may still have what was planned for it. */
function fits({ plan }: Drive, slot: Slot): boolean {
  return plan.jobs.every(({ state, job }) => state !== "claimed" || slot.serves(job.tag, isPinned(job)));
}

/** Nobody moved the flow since. */
function isNewest(ctx: DriveContext, id: string, { from }: FlowState): boolean {
  return from === null || ctx.statuses.get(id)?.revision === from;
}
