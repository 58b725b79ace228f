import { chance } from "./child-id.ts";
import type { ResultRef, Stopped } from "./event.ts";
import { complete, failBetween, failFlow } from "./finish.ts";
import type { FlowModule, StopAfterIf } from "./flow-value.ts";
import { retryDelay } from "./retry.ts";
import { resultOfSettled, scopeAfter } from "./scope.ts";
import { settled } from "./settled.ts";
import { ask, goTo, moduleAt, setModule, type Turn } from "./turn.ts";

/** A step succeeded: the flow stops here if its rules say so, else goes on. */
export function stepSucceeded(turn: Turn, index: number, stopped: Stopped | null = null): void {
  const module = moduleAt(turn, index);
  const status = settled(turn.status.modules[index], { type: "Success", id: module.id, job: turn.run.job });
  setModule(turn, index, { ...status, failed_retries: turn.status.retry?.failed_jobs ?? [] });
  delete turn.status.retry;
  const result = resultOfSettled(status);
  answerEarly(turn, module, { success: true, result });
  if (stopped !== null) return stop(turn, index, { result, skip: stopped.skip });
  if (!status.skipped && stopsByRule(turn, index, result)) return;
  goOn(turn, index);
}

export interface StepFailure {
  result: ResultRef;
  job: string;
  unrecoverable: boolean;
  handled: boolean;
  /** False when another try would give the same. */
  retryable: boolean;
}

/** A step failed: it is tried again, or the flow goes on nevertheless, or fails. */
export function stepFailed(turn: Turn, index: number, failure: StepFailure): void {
  const module = moduleAt(turn, index);
  const { result, unrecoverable, handled } = failure;
  if (!unrecoverable && failure.retryable) {
    const delay = delayOfRetry(turn, module, result);
    if (delay !== null) {
      const attempt = countFailure(turn, failure.job);
      turn.next = { index, attempt, scheduledFor: later(turn, delay), failedJob: failure.job };
      return;
    }
  }
  const status = settled(turn.status.modules[index], { type: "Failure", id: module.id, job: turn.run.job });
  setModule(turn, index, { ...status, failed_retries: turn.status.retry?.failed_jobs ?? [] });
  delete turn.status.retry;
  if (unrecoverable || module.continue_on_error !== true) return failFlow(turn, { step: module.id, result, handled });
  answerEarly(turn, module, { success: false, result });
  goOn(turn, index);
}

/** Seconds until the next try of a step that failed once more; null = it is not tried again. */
export function delayOfRetry(turn: Turn, module: FlowModule, result: ResultRef): number | null {
  const { retry } = module;
  if (retry == null) return null;
  const failures = turn.status.retry?.fail_count ?? 0;
  const key = { flowJob: turn.run.job, step: module.id, iteration: null, attempt: failures };
  const delay = retryDelay(retry, failures, chance(key));
  if (delay === null || retry.retry_if == null) return delay;
  const answer = ask(
    turn,
    {
      key: `${module.id}/${failures}/retry_if`,
      kind: "boolean",
      place: "retry_if",
      step: module.id,
      expr: retry.retry_if.expr,
      scope: scopeAfter(module.id, result),
    },
    ["boolean"],
  );
  if (answer.kind === "boolean") return answer.value ? delay : null;
  turn.effects.push({ kind: "log", step: module.id, message: `retry_if failed, no retry: ${answer.message}` });
  return null;
}

/** @returns the number of the next attempt */
export function countFailure(turn: Turn, job: string): number {
  const { fail_count = 0, failed_jobs = [] } = turn.status.retry ?? {};
  turn.status.retry = { fail_count: fail_count + 1, failed_jobs: [...failed_jobs, job] };
  return fail_count + 1;
}

/** The moment some seconds from now, null = now. */
export function later(turn: Turn, seconds: number): number | null {
  return seconds > 0 ? turn.at + Math.round(seconds * 1000) : null;
}

function stopsByRule(turn: Turn, index: number, result: ResultRef): boolean {
  const module = moduleAt(turn, index);
  const isContainer = ["forloopflow", "whileloopflow", "branchall"].includes(module.value.type);
  const place = isContainer ? "stop_after_all_iters_if" : "stop_after_if";
  const rule = module[place];
  if (rule == null) return false;
  const answer = ask(
    turn,
    {
      key: `${module.id}/${place}`,
      kind: "boolean",
      place,
      step: module.id,
      expr: rule.expr,
      scope: scopeAfter(module.id, result),
    },
    ["boolean"],
  );
  if (answer.kind === "boolean" && !answer.value) return false;
  if (answer.kind === "error")
    failBetween(turn, index, { name: "InternalErr", message: `${place} of step ${module.id}: ${answer.message}` });
  else if (rule.skip_if_stopped !== true && rule.error_message != null) stopWithError(turn, index, { rule, result });
  else stop(turn, index, { result, skip: rule.skip_if_stopped === true });
  return true;
}

function stop(turn: Turn, index: number, { result, skip }: { result: ResultRef; skip: boolean }): void {
  const status = turn.status.modules[index];
  if (skip && status?.type === "Success") setModule(turn, index, { ...status, skipped: true });
  complete(turn, { status: skip ? "skipped" : "success", result, stopped: { skip } });
}

function stopWithError(turn: Turn, index: number, { rule, result }: { rule: StopAfterIf; result: ResultRef }): void {
  const error: ResultRef = {
    from: "stopped",
    message: rule.error_message || `stop after if: ${rule.expr}`,
    result: rule.error_include_result === true ? result : null,
  };
  failFlow(turn, { step: moduleAt(turn, index).id, result: error, handled: false });
}

function answerEarly(turn: Turn, module: FlowModule, answer: { success: boolean; result: ResultRef }): void {
  if (turn.run.flow.early_return === module.id) turn.effects.push({ kind: "early_return", ...answer });
}

function goOn(turn: Turn, index: number): void {
  if (turn.status.engine.gate) {
    const { gate: _, ...engine } = turn.status.engine;
    turn.status.engine = engine;
  }
  goTo(turn, index + 1);
}
