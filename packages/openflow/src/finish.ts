import type { CompleteEffect } from "./effect.ts";
import type { ResultRef } from "./event.ts";
import { handlerId, isLeaf } from "./body.ts";
import { pushLeaf } from "./leaf.ts";
import { scopeAfter } from "./scope.ts";
import { settled } from "./settled.ts";
import { moduleAt, setModule, type Turn } from "./turn.ts";

/** Ends the flow. */
export function complete(turn: Turn, end: Pick<CompleteEffect, "status" | "result"> & Partial<CompleteEffect>): void {
  turn.status.engine = { ...turn.status.engine, phase: "ended" };
  turn.next = null;
  turn.effects.push({ kind: "complete", stopped: null, handled: false, recovered: false, canceled: null, ...end });
}

export interface FlowFailure {
  /** The step that failed. */
  step: string;
  result: ResultRef;
  /** The handler ran for this error already, further down. */
  handled: boolean;
}

/** The flow has failed: the handler's turn, if there is one and it was not its turn before. */
export function failFlow(turn: Turn, { step, result, handled }: FlowFailure): void {
  turn.next = null;
  const handler = turn.run.flow.failure_module;
  if (handler == null || handled || !isLeaf(handler.value))
    return complete(turn, { status: "failure", result, handled });
  delete turn.status.retry;
  turn.status.step = turn.status.modules.length;
  const module = { ...handler, id: handlerId(turn.run.flow) };
  const scope = { ...scopeAfter(step, result), handler: { failedStep: step } };
  const child = pushLeaf(turn, {
    module,
    value: handler.value,
    attempt: 0,
    scheduledFor: null,
    scope,
    failedJob: null,
  });
  turn.status.failure_module = {
    type: "WaitingForExecutor",
    id: module.id,
    job: child.job,
    attempt: 0,
    parent_module: step,
  };
}

/** An expression or a rule of the flow itself went wrong: the flow fails, the step is not tried again. */
export function failBetween(turn: Turn, index: number, error: { name: string; message: string }): void {
  const module = moduleAt(turn, index);
  setModule(turn, index, settled(turn.status.modules[index], { type: "Failure", id: module.id, job: turn.run.job }));
  const result: ResultRef = { from: "value", value: { error: { ...error, step_id: module.id } } };
  failFlow(turn, { step: module.id, result, handled: false });
}
