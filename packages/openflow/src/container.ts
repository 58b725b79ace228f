import { simpleStep } from "./body.ts";
import type { ChildDone, IterRef, Stopped } from "./event.ts";
import { failBetween } from "./finish.ts";
import type { BranchAll, FlowModule } from "./flow-value.ts";
import { push, pushIteration } from "./leaf.ts";
import { addToRanges, countOf, isInRanges } from "./range.ts";
import { resultOf, scopeAfter, scopeBefore } from "./scope.ts";
import { stepFailed, stepSucceeded } from "./settle.ts";
import type { ContainerProgress, InProgress } from "./status.ts";
import { ask, Misfit, moduleAt, newChild, setModule, type Next, type Turn } from "./turn.ts";

const MOST_ITERATIONS = 100_000;
/** A while loop that skips failures would never see its end if every iteration fails. */
const MOST_FAILURES_IN_ROW = 1000;

type Running = InProgress & { children: number; progress: ContainerProgress };

export function isRunningContainer(status: InProgress): status is Running {
  return status.progress !== undefined;
}

/** Begins a loop or branchall with its first children. */
export function startContainer(
  turn: Turn,
  next: Next,
  { length, width, parallel }: { length: number | null; width: number; parallel: boolean },
): void {
  const { index, attempt } = next;
  const { id, value } = moduleAt(turn, index);
  const { restart } = turn.status.engine;
  const first = restart?.step === index && attempt === 0 ? Math.min(restart.iteration, length ?? Infinity) : 0;
  const running: Running = {
    type: "InProgress",
    id,
    job: turn.run.job,
    attempt,
    parallel,
    children: first,
    ...(value.type === "whileloopflow" && { while_loop: true }),
    progress: {
      length,
      width,
      done: first > 0 ? [[0, first - 1]] : [],
      failed: 0,
      grave: 0,
      failedInRow: 0,
      handled: false,
      unrecoverable: false,
    },
  };
  pushChildren(turn, next, running);
}

/** A child of a loop or branchall ended. */
export function containerChildDone(
  turn: Turn,
  index: number,
  { status, event }: { status: Running; event: ChildDone },
): void {
  const { iteration } = event;
  if (iteration === null || iteration < 0 || iteration >= status.children)
    throw new Misfit(`Step ${status.id} has no child ${iteration}`);
  if (isInRanges(status.progress.done, iteration))
    throw new Misfit(`Child ${iteration} of step ${status.id} ended before`);
  turn.effects.push({
    kind: "record",
    child: { job: event.job, step: status.id, iteration, attempt: status.attempt },
    success: event.success,
  });
  const { progress } = status;
  const isGrave = !event.success && !toleratesFailure(moduleAt(turn, index), iteration);
  const running: Running = {
    ...status,
    progress: {
      ...progress,
      done: addToRanges(progress.done, iteration),
      failed: progress.failed + (event.success ? 0 : 1),
      grave: progress.grave + (isGrave ? 1 : 0),
      failedInRow: event.success ? 0 : progress.failedInRow + 1,
      handled: progress.handled || (isGrave && event.handled === true),
      unrecoverable: progress.unrecoverable || (isGrave && event.unrecoverable === true),
    },
  };
  setModule(turn, index, running);
  if (!status.parallel && endsSequence(turn, index, { running, event, isGrave })) return;
  pushChildren(turn, { index, attempt: status.attempt, scheduledFor: null, failedJob: null }, running);
}

/** @returns whether the sequence is over, or the flow failed over it */
function endsSequence(
  turn: Turn,
  index: number,
  { running, event, isGrave }: { running: Running; event: ChildDone; isGrave: boolean },
): boolean {
  const module = moduleAt(turn, index);
  const { progress, children } = running;
  if (isGrave) end(turn, index, running);
  else if (event.success && event.stopped != null)
    end(turn, index, running, module.value.type === "branchall" ? event.stopped : null);
  else if (event.success && children !== progress.length && module.value.type !== "branchall")
    return stopsLoop(turn, index, { running, job: event.job });
  else return false;
  return true;
}

function stopsLoop(turn: Turn, index: number, { running, job }: { running: Running; job: string }): boolean {
  const { id, stop_after_if: rule } = moduleAt(turn, index);
  if (rule == null) return false;
  const scope = { ...scopeAfter(id, { from: "job", job }), allIters: resultOf(running) };
  const key = `${id}/${running.attempt}/${running.children - 1}/stop_after_if`;
  const answer = ask(turn, { key, kind: "boolean", place: "stop_after_if", step: id, expr: rule.expr, scope }, [
    "boolean",
  ]);
  if (answer.kind === "boolean" && !answer.value) return false;
  if (answer.kind === "boolean") end(turn, index, running);
  else failBetween(turn, index, { name: "InternalErr", message: `stop_after_if of step ${id}: ${answer.message}` });
  return true;
}

/** Pushes as many children as may run now; ends the container when all have ended. */
function pushChildren(turn: Turn, next: Next, running: Running): void {
  const { index, scheduledFor } = next;
  const { length, width } = running.progress;
  let status = running;
  const inFlight = (): number => status.children - countOf(status.progress.done);
  for (let room = width - inFlight(); room > 0 && status.children !== length; room = width - inFlight()) {
    const refusal = refusalOf(turn, status);
    if (refusal !== null) return failBetween(turn, index, refusal);
    status = pushChild(turn, { index, scheduledFor }, status);
  }
  status = { ...status, ...positionOf(moduleAt(turn, index), status) };
  setModule(turn, index, status);
  if (length !== null && countOf(status.progress.done) === length) end(turn, index, status);
}

function pushChild(
  turn: Turn,
  { index, scheduledFor }: Pick<Next, "index" | "scheduledFor">,
  status: Running,
): Running {
  const module = moduleAt(turn, index);
  const { value, id } = module;
  const iteration = status.children;
  const child = newChild(turn, { step: id, iteration, attempt: status.attempt });
  const pushed = { ...status, children: iteration + 1, job: status.parallel ? status.job : child.job };
  if (value.type === "branchall" && value.branches[iteration]?.modules.length === 0) {
    turn.effects.push({ kind: "instant", child, success: true, result: { from: "args", iter: null } });
    turn.effects.push({ kind: "record", child, success: true });
    return { ...pushed, progress: { ...status.progress, done: addToRanges(status.progress.done, iteration) } };
  }
  const step = simpleStep(turn.run.flow, value);
  if (step !== null) {
    const iter = iterOf(module, status);
    const scope = scopeBefore(turn, index);
    pushIteration(turn, step, { loop: module, child, iter, scheduledFor, scope, parallel: status.parallel === true });
    return pushed;
  }
  pushBody(turn, { index, scheduledFor }, { child, status });
  return pushed;
}

function pushBody(
  turn: Turn,
  { index, scheduledFor }: Pick<Next, "index" | "scheduledFor">,
  { child, status }: { child: ReturnType<typeof newChild>; status: Running },
): void {
  const module = moduleAt(turn, index);
  const iteration = status.children;
  const { restart } = turn.status.engine;
  const isLoop = module.value.type !== "branchall";
  push(turn, {
    module,
    child,
    payload: {
      kind: "body",
      body: isLoop
        ? { step: module.id, kind: "loop", iteration }
        : { step: module.id, kind: "branch", branch: iteration },
      name: `${isLoop ? (status.parallel ? "forloop" : "loop") : "branchall"}-${iteration}`,
      restart: (restart?.step === index && restart.iteration === iteration && restart.nested) || null,
    },
    inputs: { kind: "args", iter: isLoop ? iterOf(module, status) : null },
    scheduledFor,
    scope: scopeBefore(turn, index),
    ownRoot: status.parallel === true,
  });
}

function iterOf({ id, value }: FlowModule, { attempt, children }: Running): IterRef {
  return { step: id, attempt, index: children, whileLoop: value.type === "whileloopflow" };
}

/** Where a container is, as its status tells: the newest child, or the number that ended when they run side by side. */
function positionOf(
  { value }: FlowModule,
  { parallel, children, progress }: Running,
): Pick<InProgress, "iterator" | "branchall"> {
  const position = parallel ? countOf(progress.done) : Math.max(0, children - 1);
  if (value.type === "branchall") return { branchall: { branch: position, len: value.branches.length } };
  return { iterator: { index: position, ...(progress.length !== null && { itered_len: progress.length }) } };
}

function refusalOf(turn: Turn, { progress, children, id }: Running): { name: string; message: string } | null {
  const most = turn.run.maxIterations ?? MOST_ITERATIONS;
  if (progress.length !== null || (children < most && progress.failedInRow < MOST_FAILURES_IN_ROW)) return null;
  const message =
    children < most
      ? `The while loop ${id} was ended: ${MOST_FAILURES_IN_ROW} iterations in a row failed`
      : `The while loop ${id} was ended after ${most} iterations: give it a stop_after_if that comes true`;
  return { name: "EndlessLoop", message };
}

function toleratesFailure({ value }: FlowModule, iteration: number): boolean {
  if (value.type === "branchall") return (value satisfies BranchAll).branches[iteration]?.skip_failure === true;
  return (value.type === "forloopflow" || value.type === "whileloopflow") && value.skip_failures === true;
}

function end(turn: Turn, index: number, status: Running, stopped: Stopped | null = null): void {
  const { grave, handled, unrecoverable } = status.progress;
  if (grave === 0) return stepSucceeded(turn, index, stopped);
  const result = { from: "children", step: status.id, attempt: status.attempt } as const;
  stepFailed(turn, index, { result, job: status.job, unrecoverable, handled, retryable: true });
}
