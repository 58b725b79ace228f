import type { ResultRef } from "./event.ts";
import { push } from "./leaf.ts";
import { scopeBefore } from "./scope.ts";
import { stepSucceeded } from "./settle.ts";
import type { BranchChosen } from "./status.ts";
import { moduleAt, newChild, setModule, type Next, type Turn } from "./turn.ts";

export interface Passed {
  result: ResultRef;
  skipped?: boolean;
  branchChosen?: BranchChosen;
  /** A container without children. */
  empty?: boolean;
}

/** A step for which nothing has to run: it succeeds with a result that is known, at once or when its time comes. */
export function pass(turn: Turn, next: Next, { result, skipped, branchChosen, empty }: Passed): void {
  const { index, attempt, scheduledFor } = next;
  const module = moduleAt(turn, index);
  const child = newChild(turn, { step: module.id, iteration: null, attempt });
  setModule(turn, index, {
    type: "WaitingForExecutor",
    id: module.id,
    job: child.job,
    attempt,
    ...(skipped && { skipped }),
    ...(branchChosen && { branch_chosen: branchChosen }),
    ...(empty && { children: 0 }),
  });
  if (scheduledFor !== null) {
    const scope = scopeBefore(turn, index);
    const inputs = { kind: "args", iter: null } as const;
    return push(turn, { module, child, payload: { kind: "identity", result }, inputs, scheduledFor, scope });
  }
  turn.effects.push({ kind: "instant", child, success: true, result });
  stepSucceeded(turn, index);
}
