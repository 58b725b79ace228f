import type { GateRef, ResultRef, Scope } from "./event.ts";
import type { FlowStatus, ModuleStatus, Settled } from "./status.ts";
import { moduleAt, type Turn } from "./turn.ts";

/** Where the result of a step is, as far as it has one; a container that still runs has the results so far. */
export function resultOf(module: ModuleStatus): ResultRef | null {
  if (module.type === "Success" || module.type === "Failure") return resultOfSettled(module);
  if (module.type === "WaitingForPriorSteps" || module.type === "WaitingForEvents" || module.children === undefined)
    return null;
  return { from: "children", step: module.id, attempt: module.attempt };
}

export function resultOfSettled({ id, job, attempt, children }: Settled): ResultRef {
  return children === undefined ? { from: "job", job } : { from: "children", step: id, attempt };
}

/** The result of one of this flow's own steps, null if it has none yet or there is no such step. */
export function ownResult(status: FlowStatus, id: string): ResultRef | null {
  const module = status.modules.find((candidate) => candidate.id === id);
  return module === undefined ? null : resultOf(module);
}

/** What came before a step: the result of the step before, the flow's arguments for the first. */
export function previousResult(turn: Turn, index: number): ResultRef {
  const before = index > 0 ? turn.status.modules[index - 1] : undefined;
  return (before && resultOf(before)) ?? { from: "args", iter: null };
}

/** What a step's own expressions see before it ran. */
export function scopeBefore(turn: Turn, index: number): Scope {
  return {
    previous: previousResult(turn, index),
    previousStep: index > 0 ? moduleAt(turn, index - 1).id : null,
    iter: null,
    gate: gateOf(turn, index),
    allIters: null,
    handler: null,
  };
}

/** What a step's predicates see after it ran. */
export function scopeAfter(step: string | null, previous: ResultRef): Scope {
  return { previous, previousStep: step, iter: null, gate: null, allIters: null, handler: null };
}

function gateOf(turn: Turn, index: number): GateRef | null {
  const { gate } = turn.status.engine;
  return gate?.step === index ? { used: gate.used, refused: gate.refused ?? null } : null;
}
