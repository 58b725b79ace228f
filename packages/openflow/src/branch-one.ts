import { push } from "./leaf.ts";
import { pass } from "./pass.ts";
import type { BranchOne } from "./flow-value.ts";
import { previousResult, scopeBefore } from "./scope.ts";
import { stepFailed } from "./settle.ts";
import type { BranchChosen } from "./status.ts";
import { ask, moduleAt, newChild, setModule, type Next, type Turn } from "./turn.ts";

/** The first branch whose predicate is true runs as a flow of its own, else the default. */
export function startBranchOne(turn: Turn, next: Next, value: BranchOne): void {
  const { index, attempt, scheduledFor } = next;
  const module = moduleAt(turn, index);
  const branch = chooseBranch(turn, index, value);
  if (typeof branch === "string") return failToChoose(turn, next, branch);
  const chosen: BranchChosen = branch === -1 ? { type: "default" } : { type: "branch", branch };
  const modules = branch === -1 ? value.default : value.branches[branch]?.modules;
  if (modules === undefined || modules.length === 0)
    return pass(turn, next, { result: previousResult(turn, index), branchChosen: chosen });
  const child = newChild(turn, { step: module.id, iteration: null, attempt });
  const { restart } = turn.status.engine;
  push(turn, {
    module,
    child,
    payload: {
      kind: "body",
      body: { step: module.id, kind: "branch", branch },
      name: `branchone-${branch + 1}`,
      restart: (restart?.step === index && restart.nested) || null,
    },
    inputs: { kind: "args", iter: null },
    scheduledFor,
    scope: scopeBefore(turn, index),
  });
  setModule(turn, index, { type: "InProgress", id: module.id, job: child.job, attempt, branch_chosen: chosen });
}

/** @returns the branch, -1 = default, or why it cannot be told */
function chooseBranch(turn: Turn, index: number, { branches }: BranchOne): number | string {
  const { restart } = turn.status.engine;
  if (restart?.step === index && restart.branch !== undefined) return restart.branch;
  if (branches.length === 0) return -1;
  const { id } = moduleAt(turn, index);
  const need = { key: `${id}/branch`, kind: "branch", step: id, exprs: branches.map(({ expr }) => expr) } as const;
  const answer = ask(turn, { ...need, exprs: [...need.exprs], scope: scopeBefore(turn, index) }, ["branch"]);
  return answer.kind === "branch" ? answer.value : answer.message;
}

function failToChoose(turn: Turn, { index, attempt }: Next, message: string): void {
  const { id } = moduleAt(turn, index);
  const child = newChild(turn, { step: id, iteration: null, attempt });
  const error = { name: "ExecutionErr", message: `Branch predicate of step ${id}: ${message}`, step_id: id };
  turn.effects.push({ kind: "instant", child, success: false, result: { from: "value", value: { error } } });
  setModule(turn, index, { type: "WaitingForExecutor", id, job: child.job, attempt });
  const result = { from: "job", job: child.job } as const;
  stepFailed(turn, index, { result, job: child.job, unrecoverable: false, handled: false, retryable: false });
}
