import type { JobStatus } from "@towermill/queue";
import type { CallContext } from "../call.ts";
import { ToolFailure } from "../failure.ts";
import type { Host } from "../host.ts";
import type { ToolResult } from "../result.ts";
import type { WorkspaceSession } from "../session.ts";
import { askJob, lastLine, logTail } from "./access.ts";
import { followJob, outcomeResult, runningResult } from "./follow.ts";

interface State {
  completed: boolean;
  success?: boolean;
  started?: boolean;
}

/** A job id as clients write it: any UUID. @throws ToolFailure */
export function requireJobId(id: unknown): string {
  if (typeof id === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return id.toLowerCase();
  throw new ToolFailure("id: expected the id of a job, a UUID");
}

/** @throws ToolFailure when there is no such job, or the caller may not see it */
async function stateOf(host: Host, session: WorkspaceSession, id: string): Promise<{ state: State; text: string }> {
  const response = await askJob(host, session, {
    operation: "getCompletedJobResultMaybe",
    id,
    query: { get_started: "true" },
  });
  const text = await response.text();
  if (!response.ok)
    throw new ToolFailure(`Job ${id} was not found in ${session.workspace}`, "listJobs shows the jobs you may see.");
  return { state: JSON.parse(text) as State, text };
}

async function statusOf(host: Host, session: WorkspaceSession, id: string): Promise<JobStatus> {
  const response = await askJob(host, session, {
    operation: "getJob",
    id,
    query: { no_logs: "true", no_code: "true" },
  });
  const { status = "failure" } = response.ok ? ((await response.json()) as { status?: JobStatus }) : {};
  return status;
}

/** What came of a job that has ended. */
export async function endedResult(host: Host, session: WorkspaceSession, id: string): Promise<ToolResult> {
  const response = await askJob(host, session, { operation: "getCompletedJobResult", id });
  const [result, status] = [await response.text(), await statusOf(host, session, id)];
  const tail = status === "success" ? "" : await logTail(host, session, id);
  return outcomeResult({ outcome: { id, status, result }, workspace: session.workspace, logTail: tail });
}

/** Waits for a job, at most the time of the call. The wait ends with the call, the job does not. */
export async function waitForJob(
  host: Host,
  session: WorkspaceSession,
  { id, context }: { id: string; context: CallContext },
): Promise<ToolResult> {
  const unwanted = new AbortController();
  const signal = AbortSignal.any([context.signal, unwanted.signal]);
  // before the look: it may end between the two
  const waiting = followJob(host, {
    id,
    timeoutMs: context.waitMs,
    signal,
    report: context.report,
    lastLine: () => lastLine(host, session, id),
  });
  try {
    const { state } = await stateOf(host, session, id);
    if (state.completed) return await endedResult(host, session, id);
    if (await waiting) return await endedResult(host, session, id);
    const { state: now } = await stateOf(host, session, id);
    if (now.completed) return await endedResult(host, session, id);
    return runningResult(id, now.started ? "running" : "queued", await logTail(host, session, id));
  } finally {
    unwanted.abort();
  }
}
