import { endpointTools } from "../endpoint/tool.ts";
import { ToolFailure } from "../failure.ts";
import { coversPath } from "../grant.ts";
import type { Host } from "../host.ts";
import type { Session, WorkspaceSession } from "../session.ts";
import { judgeEndpoint } from "../verdict.ts";
import { askJob } from "./access.ts";

/** What somebody wants of a job, by the endpoint tool that does just that. */
export type JobAction = "getJob" | "cancelQueuedJob";

function coveredByTool(host: Host, session: Session, action: JobAction | "resumeSuspended"): boolean {
  const tool = endpointTools(host.operations).get(action);
  return (
    tool !== undefined &&
    judgeEndpoint({ ...session, narrowing: { ...session.narrowing, toolsets: null, tools: null } }, tool).allowed
  );
}

/** Whether a token may answer for its owner what flows wait for: running a flow is not approving it. */
export function answersApprovals(host: Host, session: Session): boolean {
  return coveredByTool(host, session, "resumeSuspended");
}

/** Whether a token may follow any job at all: all that its owner sees, or those of what it may run. */
export function followsJobs(host: Host, session: Session): boolean {
  const { scripts, flows, within } = session.grant;
  if (within !== null) return coveredByTool(host, session, "getJob");
  return scripts.length + flows.length > 0 || coveredByTool(host, session, "getJob");
}

interface JobPlace {
  script_path?: string;
  job_kind?: string;
}

/**
 * A token that may run some scripts may follow and stop their jobs, and no others.
 * @throws ToolFailure the same for a job out of its scope as for one that does not exist
 */
export async function requireFollowable(
  host: Host,
  session: WorkspaceSession,
  { id, action }: { id: string; action: JobAction },
): Promise<void> {
  if (session.principal.scopes === null || coveredByTool(host, session, action)) return;
  const response = await askJob(host, session, {
    operation: "getJob",
    id,
    query: { no_logs: "true", no_code: "true" },
  });
  const { script_path: path, job_kind: kind } = response.ok ? ((await response.json()) as JobPlace) : {};
  const patterns = kind === "flow" ? session.grant.flows : session.grant.scripts;
  if (path !== undefined && coversPath(patterns, path)) return;
  throw new ToolFailure(`Job ${id} was not found in ${session.workspace}`, "listJobs shows the jobs you may see.");
}
