import { startBranchAll, startForLoop, startWhileLoop } from "./loop.ts";
import { startBranchOne } from "./branch-one.ts";
import { complete, failBetween } from "./finish.ts";
import { passGate } from "./gate.ts";
import { pushLeaf } from "./leaf.ts";
import { numberOf } from "./number.ts";
import { pass } from "./pass.ts";
import { previousResult, scopeAfter, scopeBefore } from "./scope.ts";
import { later } from "./settle.ts";
import { ask, moduleAt, setModule, type Next, type Turn } from "./turn.ts";

/** Goes to a step: through the gate before it, after the sleep before it, unless it is skipped. */
export function enterStep(turn: Turn, next: Next): void {
  const { index, attempt } = next;
  turn.status.step = index;
  if (index >= turn.status.modules.length)
    return complete(turn, { status: "success", result: previousResult(turn, index) });
  let { scheduledFor } = next;
  if (attempt === 0 && turn.status.engine.restart?.step !== index) {
    if (!passGate(turn, index)) return;
    const seconds = sleepBefore(turn, index);
    if (seconds === null) return;
    scheduledFor = later(turn, seconds);
  }
  const skipped = isSkipped(turn, index, attempt);
  if (skipped === null) return;
  launch(turn, { ...next, scheduledFor }, skipped);
}

function launch(turn: Turn, next: Next, skipped: boolean): void {
  const { index, attempt, scheduledFor, failedJob } = next;
  const module = moduleAt(turn, index);
  const { value } = module;
  if (skipped) return pass(turn, next, { result: previousResult(turn, index), skipped });
  if (module.mock?.enabled === true)
    return pass(turn, next, { result: { from: "value", value: module.mock.return_value ?? null } });
  switch (value.type) {
    case "identity":
      return pass(turn, next, { result: previousResult(turn, index) });
    case "forloopflow":
      return startForLoop(turn, next, value);
    case "whileloopflow":
      return startWhileLoop(turn, next, value);
    case "branchone":
      return startBranchOne(turn, next, value);
    case "branchall":
      return startBranchAll(turn, next, value);
    default: {
      const scope = scopeBefore(turn, index);
      const { job } = pushLeaf(turn, { module, value, attempt, scheduledFor, scope, failedJob });
      setModule(turn, index, { type: "WaitingForExecutor", id: module.id, job, attempt });
    }
  }
}

/** @returns seconds, null when the flow failed over it */
function sleepBefore(turn: Turn, index: number): number | null {
  if (index === 0) return 0;
  const { id, sleep } = moduleAt(turn, index - 1);
  if (sleep == null) return 0;
  const scope = scopeAfter(id, previousResult(turn, index));
  const answer = numberOf(turn, { key: `${id}/sleep`, place: "sleep", step: id, transform: sleep, scope });
  if (typeof answer !== "string") return Math.max(0, answer ?? 0);
  failBetween(turn, index, { name: "InternalErr", message: `sleep of step ${id}: ${answer}` });
  return null;
}

/** @returns null when the flow failed over it */
function isSkipped(turn: Turn, index: number, attempt: number): boolean | null {
  const { id, skip_if } = moduleAt(turn, index);
  if (skip_if == null) return false;
  const scope = scopeBefore(turn, index);
  const key = `${id}/${attempt}/skip_if`;
  const answer = ask(turn, { key, kind: "boolean", place: "skip_if", step: id, expr: skip_if.expr, scope }, [
    "boolean",
  ]);
  if (answer.kind === "boolean") return answer.value;
  failBetween(turn, index, { name: "InternalErr", message: `skip_if of step ${id}: ${answer.message}` });
  return null;
}
