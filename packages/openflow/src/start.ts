import { isLeaf, preprocessorId } from "./body.ts";
import { complete } from "./finish.ts";
import { pushLeaf } from "./leaf.ts";
import { scopeAfter } from "./scope.ts";
import { ask, goTo, Misfit, type Turn } from "./turn.ts";

/** The flow begins: with its preprocessor, at its first step, or where a restart takes it up. */
export function onStart(turn: Turn): void {
  const { status } = turn;
  const { engine } = status;
  if (engine.phase !== "new") throw new Misfit("The flow has started before");
  status.engine = { ...engine, phase: "running" };
  if (status.step === -1) return startPreprocessor(turn);
  const { restart } = engine;
  if (restart) {
    turn.effects.push(
      ...restart.adopt.map((children) => ({ kind: "adopt" as const, from: restart.from, ...children })),
    );
    return goTo(turn, restart.step);
  }
  if (!isSkippedAsWhole(turn)) goTo(turn, 0);
}

function startPreprocessor(turn: Turn): void {
  const module = turn.run.flow.preprocessor_module;
  if (module == null || !isLeaf(module.value)) {
    turn.status.step = 0;
    return goTo(turn, 0);
  }
  const id = preprocessorId(turn.run.flow);
  const scope = scopeAfter(null, { from: "args", iter: null });
  const { job } = pushLeaf(turn, {
    module: { ...module, id },
    value: module.value,
    attempt: 0,
    scheduledFor: null,
    scope,
    failedJob: null,
  });
  turn.status.preprocessor_module = { type: "WaitingForExecutor", id, job, attempt: 0 };
}

function isSkippedAsWhole(turn: Turn): boolean {
  const { skip_expr: expr } = turn.run.flow;
  if (expr == null || expr.trim() === "") return false;
  const scope = scopeAfter(null, { from: "args", iter: null });
  const answer = ask(turn, { key: "skip_expr", kind: "boolean", place: "skip_expr", step: "", expr, scope }, [
    "boolean",
  ]);
  if (answer.kind === "boolean" && !answer.value) return false;
  if (answer.kind === "boolean")
    complete(turn, { status: "skipped", result: { from: "value", value: "stopped early" } });
  else {
    const error = { name: "InternalErr", message: `skip_expr: ${answer.message}` };
    complete(turn, { status: "failure", result: { from: "value", value: { error } } });
  }
  return true;
}
