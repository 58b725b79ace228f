import { newJobId, type Outcome } from "@towermill/queue";
import type { CallContext } from "../call.ts";
import { ToolFailure } from "../failure.ts";
import type { Host } from "../host.ts";
import { cancelJob, lastLine, logTail } from "../job/access.ts";
import { followJob, outcomeResult, runningResult } from "../job/follow.ts";
import { taskAfterMs, taskResult, type TaskResult } from "../job/task.ts";
import type { ToolResult } from "../result.ts";
import type { WorkspaceSession } from "../session.ts";
import { scopesFor } from "../verdict.ts";
import type { Runnable } from "./runnable.ts";
import { checkArguments } from "./check.ts";
import { namedArguments } from "./tool.ts";

type Arguments = Readonly<Record<string, unknown>>;

async function start(
  host: Host,
  session: WorkspaceSession,
  { runnable, id, args }: { runnable: Runnable; id: string; args: Arguments },
): Promise<Response> {
  const wanted = runnable.kind === "flow" ? "runFlowByPath" : "runScriptByPath";
  const operation = host.operations.find((op) => op.id === wanted);
  if (!operation) throw new ToolFailure(`${runnable.kind}s cannot be run on this server`);
  return host.invoke(session.principal, {
    operation,
    params: { workspace: session.workspace, path: runnable.path },
    query: { job_id: id },
    bodyText: JSON.stringify(namedArguments(runnable, args)),
    ...scopesFor(session, operation, runnable.path),
    readOnly: session.principal.readOnly,
  });
}

export interface RunnableCall {
  runnable: Runnable;
  args: Arguments;
  context: CallContext;
}

/** A run that is to be started and waited for. */
export interface Run {
  /** What complaints call it. */
  name: string;
  context: CallContext;
  /** Pushes the job under this id. */
  start(id: string): Promise<Response>;
}

/**
 * Starts a run and waits a bounded time for it: its result, its failure, or the id of the job that goes on. When the
 * client cancels, so is the job. @throws ToolFailure when it cannot be started
 */
export async function followRun(
  host: Host,
  session: WorkspaceSession,
  { name, context, start }: Run,
): Promise<ToolResult | TaskResult> {
  const id = newJobId();
  const unwanted = new AbortController();
  const follow = {
    id,
    timeoutMs: context.asTask ? Math.min(taskAfterMs, context.waitMs) : context.waitMs,
    signal: AbortSignal.any([context.signal, unwanted.signal]),
    report: context.report,
    lastLine: () => lastLine(host, session, id),
  };
  // before the start: a quick job may end before the start has answered
  const waiting = followJob(host, follow);
  const response = await start(id);
  if (!response.ok) {
    unwanted.abort();
    throw new ToolFailure(`${name} could not be started (${response.status}): ${problem(await response.text())}`);
  }
  const outcome: Outcome | null = await waiting;
  if (outcome === null && context.signal.aborted) await cancelJob(host, session, id);
  if (outcome === null && context.asTask) return taskResult(session.workspace, id);
  const failed = outcome === null || outcome.status === "failure" || outcome.status === "canceled";
  const tail = failed ? await logTail(host, session, id) : "";
  return outcome
    ? outcomeResult({ outcome, workspace: session.workspace, logTail: tail })
    : runningResult(id, "running", tail);
}

/** Runs a script or flow. @throws ToolFailure when an argument is wrong, or it cannot be started */
export async function runRunnable(
  host: Host,
  session: WorkspaceSession,
  { runnable, args, context }: RunnableCall,
): Promise<ToolResult | TaskResult> {
  const checked = checkArguments(runnable, args);
  return followRun(host, session, {
    name: runnable.path,
    context,
    start: (id) => start(host, session, { runnable, id, args: checked }),
  });
}

function problem(text: string): string {
  try {
    return String((JSON.parse(text) as { detail?: unknown }).detail ?? text);
  } catch {
    return text;
  }
}
