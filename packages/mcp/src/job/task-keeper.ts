import { enterWorkspace } from "../enter.ts";
import { ToolFailure } from "../failure.ts";
import type { Host } from "../host.ts";
import type { Session, WorkspaceSession } from "../session.ts";
import { askJob, cancelJob } from "./access.ts";
import { answerApproval, approvalOf, type Approval } from "./approval.ts";
import { answersApprovals, requireFollowable, type JobAction } from "./permission.ts";
import { taskTimes, type TaskKeeper, type TaskState } from "./task.ts";
import { endedResult, requireJobId } from "./wait.ts";

interface JobState {
  status?: string;
  created_at: string;
  completed_at?: string;
  suspend?: number;
  flow_status?: { step?: number };
}

interface Found {
  inside: WorkspaceSession;
  id: string;
  job: JobState;
}

/** The job behind a task id (`{workspace}:{job id}`); `null` the same for another's as for none. */
async function find(
  host: Host,
  session: Session,
  { taskId, action }: { taskId: string; action: JobAction },
): Promise<Found | null> {
  const [workspace = "", jobId] = taskId.split(":");
  try {
    const id = requireJobId(jobId);
    const inside = await enterWorkspace(host, session, workspace);
    await requireFollowable(host, inside, { id, action });
    const query = { no_logs: "true", no_code: "true" };
    const response = await askJob(host, inside, { operation: "getJob", id, query });
    return response.ok ? { inside, id, job: (await response.json()) as JobState } : null;
  } catch (error) {
    if (error instanceof ToolFailure) return null;
    throw error;
  }
}

async function approvalFor(host: Host, { inside, id, job }: Found): Promise<Approval | null> {
  if ((job.suspend ?? 0) === 0) return null;
  return approvalOf(host, inside, { id, step: job.flow_status?.step ?? 0 });
}

function waiting(approval: Approval, asks: boolean): Pick<TaskState, "status" | "statusMessage" | "inputRequests"> {
  const { key, message, form, mayAnswer } = approval;
  if (!asks || !mayAnswer) return { status: "working", statusMessage: message };
  const question = { method: "elicitation/create", params: { mode: "form", message, requestedSchema: form } };
  return { status: "input_required", statusMessage: message, inputRequests: { [key]: question } };
}

async function stateOf(host: Host, found: Found, asks: boolean): Promise<TaskState> {
  const { inside, id, job } = found;
  const known = {
    createdAt: job.created_at,
    lastUpdatedAt: job.completed_at ?? new Date().toISOString(),
    ...taskTimes,
  };
  if (job.status === "canceled") return { status: "cancelled", ...known };
  if (job.status !== undefined) return { status: "completed", ...known, result: await endedResult(host, inside, id) };
  const approval = await approvalFor(host, found);
  return approval ? { ...waiting(approval, asks), ...known } : { status: "working", ...known };
}

/**
 * Jobs as tasks. A failed run is a completed task whose result says what failed, as the call itself would; a flow that
 * waits for an approval asks the client's user for it.
 */
export function createJobTasks(host: Host): TaskKeeper {
  return {
    async get(session, taskId, asks) {
      const found = await find(host, session, { taskId, action: "getJob" });
      return found ? stateOf(host, found, asks && answersApprovals(host, found.inside)) : null;
    },
    async cancel(session, taskId) {
      const found = await find(host, session, { taskId, action: "cancelQueuedJob" });
      if (found) await cancelJob(host, found.inside, found.id);
      return found !== null;
    },
    async answer(session, taskId, answers) {
      const found = await find(host, session, { taskId, action: "getJob" });
      const approval = found && answersApprovals(host, found.inside) ? await approvalFor(host, found) : null;
      const answer = approval ? answers[approval.key] : undefined;
      if (found && answer !== undefined) await answerApproval(host, found.inside, { id: found.id, answer });
      return found !== null;
    },
  };
}
