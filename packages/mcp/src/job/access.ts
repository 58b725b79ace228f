import type { OperationSpec } from "@towermill/contract";
import type { Host } from "../host.ts";
import { ToolFailure } from "../failure.ts";
import type { WorkspaceSession } from "../session.ts";

interface Asked {
  operation: string;
  id: string;
  query?: Record<string, string>;
  bodyText?: string;
}

/** Calls one of the job operations on a job; what the caller may see of it the operation decides. */
export async function askJob(
  host: Host,
  session: WorkspaceSession,
  { operation, id, query = {}, bodyText = "" }: Asked,
): Promise<Response> {
  const found: OperationSpec | undefined = host.operations.find((op) => op.id === operation);
  if (!found?.scope) throw new ToolFailure(`${operation} is not part of this server`);
  const { principal, grant } = session;
  const own = `${found.scope.domain}:${found.scope.action}`;
  return host.invoke(principal, {
    operation: found,
    params: { workspace: session.workspace, id, job_id: id },
    query,
    bodyText,
    scopes: principal.scopes === null ? null : (grant.within ?? [own, ...grant.markers]),
    confined: false,
    readOnly: principal.readOnly,
  });
}

/** The end of a job's log, whole lines; `""` when it has none or may not be read. */
export async function logTail(host: Host, session: WorkspaceSession, id: string, length = 1500): Promise<string> {
  const response = await askJob(host, session, { operation: "getCompletedJobLogsTail", id });
  const text = response.ok ? await response.text() : "";
  if (text.length <= length) return text.trimEnd();
  const tail = text.slice(-length);
  return tail.slice(tail.indexOf("\n") + 1).trimEnd();
}

export async function lastLine(host: Host, session: WorkspaceSession, id: string): Promise<string> {
  return (await logTail(host, session, id, 400)).split("\n").at(-1)?.slice(0, 200) ?? "";
}

/** Asks for a job to be stopped; that it has ended already is as good. */
export async function cancelJob(host: Host, session: WorkspaceSession, id: string): Promise<void> {
  const bodyText = JSON.stringify({ reason: "cancelled by the MCP client" });
  await askJob(host, session, { operation: "cancelQueuedJob", id, bodyText });
}
