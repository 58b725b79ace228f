import type { Host } from "../host.ts";
import { ToolFailure } from "../failure.ts";
import { coversPath } from "../grant.ts";
import type { ToolResult } from "../result.ts";
import type { Session } from "../session.ts";
import { judgeEndpoint, scopesFor } from "../verdict.ts";
import { endpointResult } from "./answer.ts";
import type { EndpointRequest } from "./arguments.ts";
import { completedBody } from "./completion.ts";
import type { EndpointTool } from "./tool.ts";

export interface EndpointCall {
  tool: EndpointTool;
  request: EndpointRequest;
  /** Kinds and paths (`script:u/a/b`) the caller has starred. */
  favorites: ReadonlySet<string>;
  signal?: AbortSignal;
  /** In place of the request's body, where its values have to stay exactly as they were written. */
  bodyText?: string;
}

/** Workspace paths a request touches, wherever they are named. */
function touchedPaths({ tool, request }: EndpointCall): string[] {
  const inBody = tool.body === "raw" ? undefined : request.body?.["path"];
  return [request.params["path"], inBody].filter((path): path is string => typeof path === "string");
}

function requirePlainRun({ tool, request }: EndpointCall): void {
  if (tool.body === "raw" && request.body && "_ENTRYPOINT_OVERRIDE" in request.body) {
    throw new ToolFailure("_ENTRYPOINT_OVERRIDE: another function than main cannot be chosen over MCP");
  }
}

/** Sends a call through the platform's own dispatch. @throws ToolFailure when the token does not cover it */
export async function sendEndpoint(host: Host, session: Session, call: EndpointCall): Promise<Response> {
  const { tool, request, favorites, signal } = call;
  requirePlainRun(call);
  const kind = tool.operation.scope?.kind === "flows" ? "flow" : "script";
  const isFavorite = (path: string): boolean => favorites.has(`${kind}:${path}`);
  const verdict = judgeEndpoint(session, tool, { paths: touchedPaths(call), isFavorite });
  if (!verdict.allowed) throw new ToolFailure(`${tool.name} is not available: ${verdict.reason}`);
  const path = request.params["path"];
  const own = kind === "flow" ? session.grant.flows : session.grant.scripts;
  const favorite =
    path !== undefined && session.grant.favorites && !coversPath(own, path) && isFavorite(path) ? path : null;
  const { scopes, confined } = scopesFor(session, tool.operation, favorite);
  return host.invoke(session.principal, {
    operation: tool.operation,
    params: {
      ...request.params,
      ...(tool.ofWorkspace && session.workspace !== null ? { workspace: session.workspace } : {}),
    },
    query: request.query,
    bodyText: call.bodyText ?? (request.body === undefined ? "" : await completedBody(host, session, call)),
    scopes,
    confined,
    readOnly: session.principal.readOnly,
    ...(signal ? { signal } : {}),
  });
}

export async function callEndpoint(host: Host, session: Session, call: EndpointCall): Promise<ToolResult> {
  const response = await sendEndpoint(host, session, call);
  return endpointResult(call.tool, response, { request: call.request, workspace: session.workspace });
}
