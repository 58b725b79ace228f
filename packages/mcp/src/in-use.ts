import type { EndpointRequest } from "./endpoint/arguments.ts";
import type { EndpointTool } from "./endpoint/tool.ts";
import type { Host } from "./host.ts";
import type { WorkspaceSession } from "./session.ts";

/** Tools after which a script or flow no longer runs. */
const ending: Record<string, "script" | "flow"> = {
  archiveScriptByPath: "script",
  deleteScriptByPath: "script",
  archiveFlowByPath: "flow",
  deleteFlowByPath: "flow",
};

/** Enabled schedules, of those the caller may see, that would run nothing any more. */
export async function orphanedSchedules(
  host: Host,
  session: WorkspaceSession,
  { tool, request }: { tool: EndpointTool; request: EndpointRequest },
): Promise<string[]> {
  const kind = ending[tool.name];
  const path = request.params["path"];
  const operation = host.operations.find((op) => op.id === "listSchedules");
  if (kind === undefined || path === undefined || !operation) return [];
  const { principal } = session;
  const response = await host.invoke(principal, {
    operation,
    params: { workspace: session.workspace },
    query: { path, is_flow: String(kind === "flow"), per_page: "100" },
    bodyText: "",
    scopes: principal.scopes === null ? null : ["schedules:read"],
    confined: false,
    readOnly: principal.readOnly,
  });
  if (!response.ok) return [];
  const schedules = (await response.json()) as { path: string; enabled: boolean; script_path: string }[];
  return schedules.filter((each) => each.enabled && each.script_path === path).map((each) => each.path);
}
