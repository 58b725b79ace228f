import type { FlowEvent } from "@towermill/openflow";
import type { ClaimedJob, Completion } from "@towermill/queue";
import { stateOf, type Drive } from "./drive.ts";
import { isUnrecoverable } from "./ended-elsewhere.ts";
import { saysRecover } from "./marks.ts";
import type { PlannedEnd, PlannedResume } from "./plan.ts";
import type { Driven, Slot } from "./slot.ts";

/** Something that moves a flow. */
export type Entry = BeginEntry | EndEntry | EventEntry;

/** A flow that a worker claimed. */
export interface BeginEntry {
  kind: "begin";
  job: ClaimedJob;
  slot: Slot | null;
  /** How it begins, where that was worked out while it was being pushed. */
  foreseen: Drive | null;
}

/** A step that ended. */
export interface EndEntry {
  kind: "end";
  job: ClaimedJob;
  completion: Completion;
  slot: Slot | null;
}

export interface EventEntry {
  kind: "event";
  flowJob: string;
  event: FlowEvent;
  resume: PlannedResume | null;
}

/** Why something could not be worked out or written. */
export interface Breakage {
  name: string;
  message: string;
}

/** An entry on its way, and who waits for it. */
export interface Pending {
  entry: Entry;
  /** The drive could not be worked out with it: it is written as a failure of the flow. */
  broken: Breakage | null;
  done(driven: Driven): void;
  fail(error: unknown): void;
}

/** @param isNew nothing can be stored of it */
export async function beginFlow(work: Drive, job: ClaimedJob, isNew: boolean): Promise<void> {
  const state = await stateOf(work, job.id, { claimed: job, isNew });
  state.claim = job.attempt;
  if (state.status.engine.phase === "new") {
    work.events.push({ flowJob: job.id, event: { type: "start", at: Date.now() } });
  } else work.plan.held.push({ id: job.id, attempt: job.attempt, suspend: 0, until: null });
}

export function endStep(work: Drive, { job, completion }: Pick<EndEntry, "job" | "completion">): void {
  const { status, result } = completion;
  const success = status === "success" || status === "skipped";
  work.plan.ends.push(plannedEnd(job, completion));
  keepResult(work, job, result);
  tellFlow(work, job, {
    success,
    ...(isUnrecoverable(status, result) && { unrecoverable: true }),
    ...(success && saysRecover(result) && { recover: true }),
  });
}

export function plannedEnd(job: ClaimedJob, completion: Completion): PlannedEnd {
  return Object.assign(completion, { limited: job.concurrencyKey !== null });
}

/** From now on the drive knows the result of a step. */
export function keepResult(work: Drive, { id, parentJob, options }: ClaimedJob, result: string): void {
  const place = options.flow;
  if (!place || parentJob === null) return;
  const { step, iteration, attempt } = place;
  work.results.add(id, result, iteration === null ? undefined : { flowJob: parentJob, step, attempt, iteration });
}

/** The flow around a step hears of its end. */
export function tellFlow(
  work: Drive,
  { id, parentJob, options, args }: ClaimedJob,
  outcome: { success: boolean; unrecoverable?: true; recover?: true },
): void {
  const place = options.flow;
  if (!place || parentJob === null) return;
  const { step, iteration, attempt } = place;
  work.definitions.set(id, { args, options });
  work.events.push({
    flowJob: parentJob,
    event: { type: "done", at: Date.now(), job: id, step, iteration, attempt, ...outcome },
  });
}
