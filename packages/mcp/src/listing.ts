import type { EndpointTool, ShownTool } from "./endpoint/tool.ts";
import type { Host } from "./host.ts";
import { leanTools } from "./lean.ts";
import { ownTools, type OwnTool } from "./own-tools.ts";
import type { Catalogue } from "./runnable/catalogue.ts";
import type { Runnable } from "./runnable/runnable.ts";
import { inWorkspace, type Session, type WorkspaceSession } from "./session.ts";
import { judgeEndpoint, judgeRunnable } from "./verdict.ts";

/** Where tools come from. */
export interface Stock {
  endpoints: ReadonlyMap<string, EndpointTool>;
  catalogue: Catalogue;
  host: Host;
}

const nothing: ReadonlySet<string> = new Set();

/** Kinds and paths (`script:u/a/b`) the caller has starred; looked up only where the token depends on it. */
export async function favoritesOf({ catalogue }: Stock, session: Session): Promise<ReadonlySet<string>> {
  return session.grant.favorites && session.member ? catalogue.favorites(session.member) : nothing;
}

async function runnablesOf(stock: Stock, session: WorkspaceSession): Promise<Runnable[]> {
  const favorites = await favoritesOf(stock, session);
  const readable = await stock.catalogue.readable(session.member);
  return readable.filter((each) => judgeRunnable(session, each, favorites.has(`${each.kind}:${each.path}`)).allowed);
}

/** Tools that are shown on request only are called all the same: this is about the length of a list, not about rights. */
export function isWanted({ narrowing: { mode, toolsets, tools }, grant }: Session, tool: EndpointTool): boolean {
  const asked = mode === "lean" || toolsets !== null || tools !== null;
  return !tool.presentation.onRequest || asked || grant.endpoints.has(tool.name) || grant.toolsets.has(tool.toolset);
}

/** Whether a tool that is no operation is there for a session. */
export function isOffered(host: Host, session: Session, { shown, toolset, openOnly, covered }: OwnTool): boolean {
  const { toolsets, tools, exclude, mode, readOnly } = session.narrowing;
  if ((openOnly && session.workspace !== null) || covered?.(host, session) === false) return false;
  if (mode === "runnables" && toolset !== "jobs" && toolset !== "workspaces") return false;
  if ((readOnly || session.principal.readOnly) && !shown.annotations.readOnlyHint) return false;
  return (
    (toolsets === null || toolsets.has(toolset)) &&
    (tools === null || tools.has(shown.name)) &&
    !exclude.has(shown.name)
  );
}

/** Own tools that are listed on request only, as endpoint tools are. */
export function isShown(host: Host, session: Session, tool: OwnTool): boolean {
  const { mode, toolsets, tools } = session.narrowing;
  const asked = mode === "lean" || mode === "session" || toolsets !== null || tools !== null;
  const named = session.grant.toolsets.has(tool.toolset);
  return isOffered(host, session, tool) && (!tool.onRequest || asked || named);
}

function withWorkspace({ shown, openOnly }: OwnTool): ShownTool {
  if (openOnly) return shown;
  const { properties, required } = shown.inputSchema as { properties?: object; required?: string[] };
  const inputSchema = {
    ...shown.inputSchema,
    properties: { workspace: { type: "string" }, ...properties },
    required: ["workspace", ...(required ?? [])],
  };
  return { ...shown, inputSchema };
}

/** Everything a session may call and wants to see: endpoint tools in the order of the contract, then scripts by path. */
export async function listTools(stock: Stock, session: Session): Promise<ShownTool[]> {
  const shape = session.workspace === null ? "open" : "bound";
  const endpoints = [...stock.endpoints.values()].filter(
    (tool) => isWanted(session, tool) && judgeEndpoint(session, tool).allowed,
  );
  const own = [...ownTools.values()].filter((tool) => isShown(stock.host, session, tool));
  const inside = inWorkspace(session);
  const runnables = inside ? await stock.catalogue.show(inside.member, await runnablesOf(stock, inside)) : [];
  return [
    ...endpoints.map((tool) => tool.shown[shape]),
    ...own.map((tool) => (shape === "open" ? withWorkspace(tool) : tool.shown)),
    ...runnables,
  ];
}

/** The five tools that stand for all others. */
export function listLean({ endpoints, host }: Stock, session: Session): ShownTool[] {
  const shape = session.workspace === null ? "open" : "bound";
  const cancel = endpoints.get("cancelQueuedJob");
  const waiting = ownTools.get("waitForJob");
  return [
    ...leanTools,
    ...(waiting && isOffered(host, session, waiting)
      ? [shape === "open" ? withWorkspace(waiting) : waiting.shown]
      : []),
    ...(cancel && judgeEndpoint(session, cancel).allowed ? [cancel.shown[shape]] : []),
  ];
}
