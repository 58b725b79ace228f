import type { FlowRun } from "./advance.ts";
import { childId } from "./child-id.ts";
import type { Child, Effect } from "./effect.ts";
import type { Answer, Answers, Need } from "./event.ts";
import type { FlowModule } from "./flow-value.ts";
import type { FlowStatus, ModuleStatus } from "./status.ts";

/** One call of `advance`: the status as it becomes, and what has to be done for it. */
export interface Turn {
  run: FlowRun;
  answers: Answers;
  /** Milliseconds since 1970. */
  at: number;
  /** The event is the end of a waiting time. */
  timeout: boolean;
  /** A copy that may be written to; what its fields point at may not. */
  status: FlowStatus;
  effects: Effect[];
  /** The step to go to when this one is dealt with. */
  next: Next | null;
}

export interface Next {
  index: number;
  /** Above 0 for a retry: gate and sleep are behind it. */
  attempt: number;
  scheduledFor: number | null;
  /** The job that failed, for a retry. */
  failedJob: string | null;
}

/** Ends a turn that cannot go on before an expression was evaluated. Never leaves `advance`. */
export class Unanswered extends Error {
  readonly need: Need;
  constructor(need: Need) {
    super(need.key);
    this.need = need;
  }
}

/** Ends a turn whose event does not fit. Never leaves `advance`. */
export class Misfit extends Error {}

export function ask<K extends Answer["kind"]>(
  turn: Turn,
  need: Need,
  kinds: readonly K[],
): Extract<Answer, { kind: K | "error" }> {
  const answer = turn.answers[need.key];
  if (answer === undefined) throw new Unanswered(need);
  if (!isOf(answer, kinds))
    throw new TypeError(`The answer to ${need.key} is of kind ${answer.kind}, expected: ${kinds.join(", ")} or error`);
  return answer;
}

function isOf<K extends Answer["kind"]>(
  answer: Answer,
  kinds: readonly K[],
): answer is Extract<Answer, { kind: K | "error" }> {
  return answer.kind === "error" || kinds.some((kind) => kind === answer.kind);
}

/** @throws RangeError when the flow has no such step: the status belongs to another flow */
export function moduleAt(turn: Turn, index: number): FlowModule {
  const module = turn.run.flow.modules[index];
  if (module === undefined) throw new RangeError(`The flow has no step ${index}: the status belongs to another flow`);
  return module;
}

export function setModule(turn: Turn, index: number, module: ModuleStatus): void {
  turn.status.modules = turn.status.modules.with(index, module);
}

export function newChild(turn: Turn, key: { step: string; iteration: number | null; attempt: number }): Child {
  return { job: childId({ ...key, flowJob: turn.run.job, at: turn.at }), ...key };
}

/** Goes on to a step that was not tried yet. */
export function goTo(turn: Turn, index: number): void {
  turn.next = { index, attempt: 0, scheduledFor: null, failedJob: null };
}
