import {
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ProtocolErrorCode,
  type Server,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import { enterWorkspace } from "../enter.ts";
import { ToolFailure } from "../failure.ts";
import { askJob, cancelJob } from "../job/access.ts";
import { requireFollowable, type JobAction } from "../job/permission.ts";
import { taskTimes, type TaskResult } from "../job/task.ts";
import { endedResult, requireJobId } from "../job/wait.ts";
import type { WorkspaceSession } from "../session.ts";
import type { Parts, Served } from "./server.ts";

/** SEP-2663: a run that takes longer is a task the client asks for, instead of a call that waits. */
export const tasksExtension = "io.modelcontextprotocol/tasks";

const params = z.looseObject({ taskId: z.string() });

export function declaresTasks(server: Server): boolean {
  const { extensions } = (server.getClientCapabilities() ?? {}) as { extensions?: Record<string, unknown> };
  return extensions?.[tasksExtension] !== undefined;
}

function requireTasks(server: Server): void {
  if (declaresTasks(server)) return;
  throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { extensions: { [tasksExtension]: {} } } });
}

interface JobState {
  type?: string;
  status?: string;
  created_at: string;
  completed_at?: string;
}

/** The job behind a task id (`{workspace}:{job id}`). @throws ProtocolError, the same for another's as for none */
async function findJob(
  { host }: Parts,
  { session }: Served,
  { taskId, action }: { taskId: string; action: JobAction },
): Promise<{ inside: WorkspaceSession; id: string; job: JobState }> {
  const unknown = (): ProtocolError =>
    new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown task: ${taskId.slice(0, 100)}`);
  const [workspace = "", jobId] = taskId.split(":");
  try {
    const id = requireJobId(jobId);
    const inside = await enterWorkspace(host, session, workspace);
    await requireFollowable(host, inside, { id, action });
    const query = { no_logs: "true", no_code: "true" };
    const response = await askJob(host, inside, { operation: "getJob", id, query });
    if (!response.ok) throw unknown();
    return { inside, id, job: (await response.json()) as JobState };
  } catch (error) {
    throw error instanceof ToolFailure ? unknown() : error;
  }
}

/** Answers about tasks; a failed run is a completed task whose result says what failed, as the call itself would. */
export function serveTasks(server: Server, parts: Parts, served: Served): void {
  server.setRequestHandler("tasks/get", { params }, async ({ taskId }) => {
    requireTasks(server);
    const { inside, id, job } = await findJob(parts, served, { taskId, action: "getJob" });
    const known: Omit<TaskResult, "resultType" | "status"> = {
      taskId,
      createdAt: job.created_at,
      lastUpdatedAt: job.completed_at ?? new Date().toISOString(),
      ...taskTimes,
    };
    if (job.status === undefined) return { resultType: "complete", status: "working", ...known };
    if (job.status === "canceled") return { resultType: "complete", status: "cancelled", ...known };
    return { resultType: "complete", status: "completed", ...known, result: await endedResult(parts.host, inside, id) };
  });
  server.setRequestHandler("tasks/cancel", { params }, async ({ taskId }) => {
    requireTasks(server);
    const { inside, id } = await findJob(parts, served, { taskId, action: "cancelQueuedJob" });
    await cancelJob(parts.host, inside, id);
    return { resultType: "complete" };
  });
  server.setRequestHandler("tasks/update", { params }, async ({ taskId }) => {
    requireTasks(server);
    await findJob(parts, served, { taskId, action: "cancelQueuedJob" });
    return { resultType: "complete" };
  });
}
