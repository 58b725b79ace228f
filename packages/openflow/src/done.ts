import { handlerId, isLeaf, preprocessorId } from "./body.ts";
import { containerChildDone, isRunningContainer } from "./container.ts";
import type { ChildDone, ResultRef } from "./event.ts";
import { complete, failFlow } from "./finish.ts";
import { pushLeaf } from "./leaf.ts";
import { scopeAfter } from "./scope.ts";
import { settled } from "./settled.ts";
import { countFailure, delayOfRetry, later, stepFailed, stepSucceeded } from "./settle.ts";
import type { ModuleStatus } from "./status.ts";
import { Misfit, type Turn } from "./turn.ts";

/** A child of the flow ended. */
export function onDone(turn: Turn, event: ChildDone): void {
  const { status } = turn;
  if (status.step === -1) return preprocessorDone(turn, event);
  if (status.step >= status.modules.length) return handlerDone(turn, event);
  const index = status.step;
  const module = status.modules[index];
  checkAttempt(module, event);
  if (module.type === "InProgress" && isRunningContainer(module))
    return containerChildDone(turn, index, { status: module, event });
  checkJob(module, event);
  if (event.success) return stepSucceeded(turn, index, module.branch_chosen ? (event.stopped ?? null) : null);
  stepFailed(turn, index, {
    result: { from: "job", job: event.job },
    job: event.job,
    unrecoverable: event.unrecoverable === true,
    handled: event.handled === true,
    retryable: true,
  });
}

type Tried = Extract<ModuleStatus, { type: "WaitingForExecutor" | "InProgress" }>;

function checkAttempt(status: ModuleStatus | undefined, event: ChildDone): asserts status is Tried {
  if (status?.type !== "WaitingForExecutor" && status?.type !== "InProgress")
    throw new Misfit(`No job of step ${event.step} is awaited`);
  if (status.id !== event.step || status.attempt !== event.attempt)
    throw new Misfit(`The flow is at step ${status.id}, attempt ${status.attempt}`);
}

function checkJob(status: Tried, event: ChildDone): void {
  if (status.job !== event.job || event.iteration !== null)
    throw new Misfit(`Step ${status.id} waits for the job ${status.job}`);
}

function preprocessorDone(turn: Turn, event: ChildDone): void {
  const status = turn.status.preprocessor_module;
  checkAttempt(status, event);
  checkJob(status, event);
  const id = preprocessorId(turn.run.flow);
  turn.status.preprocessor_module = settled(status, {
    type: event.success ? "Success" : "Failure",
    id,
    job: event.job,
  });
  if (!event.success)
    return failFlow(turn, { step: id, result: { from: "job", job: event.job }, handled: event.handled === true });
  turn.status.step = 0;
  turn.status.engine = { ...turn.status.engine, phase: "new" };
  turn.effects.push({ kind: "preprocessed", job: event.job });
}

function handlerDone(turn: Turn, event: ChildDone): void {
  const { parent_module: parent, ...status } = turn.status.failure_module;
  checkAttempt(status, event);
  checkJob(status, event);
  const result: ResultRef = { from: "job", job: event.job };
  if (!event.success && event.unrecoverable !== true && retriesHandler(turn, event, parent)) return;
  const id = handlerId(turn.run.flow);
  const end = settled(status, { type: event.success ? "Success" : "Failure", id, job: event.job });
  turn.status.failure_module = {
    ...end,
    failed_retries: turn.status.retry?.failed_jobs ?? [],
    ...(parent !== undefined && { parent_module: parent }),
  };
  delete turn.status.retry;
  const recovered = event.success && event.recover === true;
  complete(turn, { status: recovered ? "success" : "failure", result, handled: true, recovered });
}

function retriesHandler(turn: Turn, event: ChildDone, parent: string | undefined): boolean {
  const handler = turn.run.flow.failure_module;
  if (handler == null || !isLeaf(handler.value)) return false;
  const module = { ...handler, id: handlerId(turn.run.flow) };
  const result: ResultRef = { from: "job", job: event.job };
  const delay = delayOfRetry(turn, module, result);
  if (delay === null) return false;
  const attempt = countFailure(turn, event.job);
  const scope = scopeAfter(module.id, result);
  const { value } = handler;
  const child = pushLeaf(turn, {
    module,
    value,
    attempt,
    scheduledFor: later(turn, delay),
    scope,
    failedJob: event.job,
  });
  turn.status.failure_module = {
    type: "WaitingForExecutor",
    id: module.id,
    job: child.job,
    attempt,
    ...(parent !== undefined && { parent_module: parent }),
  };
  return true;
}
