import { createHash } from "node:crypto";
import { ApiError } from "@towermill/contract";
import type { AskedResult, CallContext } from "./call.ts";
import { readArguments, type EndpointRequest } from "./endpoint/arguments.ts";
import { callEndpoint } from "./endpoint/call.ts";
import { endpointTools, type EndpointTool, type ShownTool } from "./endpoint/tool.ts";
import { failureResult, type ToolResult } from "./result.ts";
import { nearest, ToolFailure } from "./failure.ts";
import type { Host } from "./host.ts";
import { callLean, isLean, leanTools } from "./lean.ts";
import { ownTools } from "./own-tools.ts";
import type { Catalogue } from "./runnable/catalogue.ts";
import type { Runnable } from "./runnable/runnable.ts";
import { runRunnable } from "./runnable/call.ts";
import { inWorkspace, type Session, type WorkspaceSession } from "./session.ts";
import { judgeEndpoint, judgeRunnable } from "./verdict.ts";

type Arguments = Readonly<Record<string, unknown>>;

export interface Asked {
  name: string;
  args: Arguments;
  context: CallContext;
}

/** No tool of this name is there for the caller: a fault of the protocol, not of a run. */
export class UnknownTool extends Error {}

/** All tools of an instance: what a session sees of them, and calls. */
export interface Toolbox {
  readonly endpoints: ReadonlyMap<string, EndpointTool>;
  list(session: Session): Promise<ShownTool[]>;
  /** @throws UnknownTool; every other failure is a result */
  call(session: Session, asked: Asked): Promise<ToolResult | AskedResult>;
}

const nothing: ReadonlySet<string> = new Set();

export function createToolbox(host: Host, catalogue: Catalogue): Toolbox {
  const endpoints = endpointTools(host.operations);

  const favoritesOf = async (session: Session): Promise<ReadonlySet<string>> =>
    session.grant.favorites && session.member ? catalogue.favorites(session.member) : nothing;

  const runnablesOf = async (session: WorkspaceSession): Promise<Runnable[]> => {
    const favorites = await favoritesOf(session);
    const readable = await catalogue.readable(session.member);
    return readable.filter((each) => judgeRunnable(session, each, favorites.has(`${each.kind}:${each.path}`)).allowed);
  };

  const listAll = async (session: Session): Promise<ShownTool[]> => {
    const shape = session.workspace === null ? "open" : "bound";
    const own = [...ownTools.values()]
      .filter((tool) => isVisible(session, tool))
      .map(({ shown }) => (shape === "open" ? withWorkspace(shown) : shown));
    const shown = [...endpoints.values()]
      .filter((tool) => isWanted(session, tool) && judgeEndpoint(session, tool).allowed)
      .map((tool) => tool.shown[shape]);
    const inside = inWorkspace(session);
    const runnables = inside ? await runnablesOf(inside) : [];
    return [...shown, ...own, ...(inside ? await catalogue.show(inside.member, runnables) : [])];
  };

  /** The session in the workspace a call names: the address's, or the one in its arguments. */
  const enter = async (session: Session, named: string | null): Promise<WorkspaceSession> => {
    const inside = inWorkspace(session);
    if (inside) {
      if (named === null || named === inside.workspace) return inside;
      throw new ToolFailure(
        `workspace: this address is for the workspace ${inside.workspace}, not ${named}`,
        "Leave workspace out, or use the address /api/mcp.",
      );
    }
    if (named === null)
      throw new ToolFailure("workspace: is required here", "list_workspaces shows those you may use.");
    const member = await host.memberOf(session.principal, named);
    if (!member)
      throw new ToolFailure(
        `workspace: you are not a member of ${named}, or it does not exist`,
        "list_workspaces shows those you may use.",
      );
    return { ...session, workspace: named, member };
  };

  const enterByArguments = (session: Session) => (args: Arguments) => {
    const named = args["workspace"] ?? args["workspace_id"];
    return enter(session, typeof named === "string" ? named : null);
  };

  const agree = async (
    session: Session,
    { tool, request, context }: { tool: EndpointTool; request: EndpointRequest; context: CallContext },
  ): Promise<AskedResult | null> => {
    if (!tool.destructive || tool.runs || request.confirmed) return null;
    const what = request.params["path"] ?? request.params["id"] ?? request.params["name"] ?? "it";
    const sure = tool.operation.method === "DELETE" || tool.name.startsWith("delete") ? " This cannot be undone." : "";
    const digest = createHash("sha256")
      .update(JSON.stringify([session.principal.id, session.workspace, tool.name, request]))
      .digest("base64url");
    const question = { text: `${tool.operation.summary.split(/[;,]/)[0] ?? tool.name}: ${what}?${sure}`, digest };
    const answer = await context.agreed(question);
    if (answer === "no") throw new ToolFailure(`${tool.name}: the user did not agree, nothing was done`);
    return answer === "ask" ? context.ask(question) : null;
  };

  const callTool = async (session: Session, { name, args, context }: Asked): Promise<ToolResult | AskedResult> => {
    const own = ownTools.get(name);
    if (own && isVisible(session, own))
      return own.call(host, session, { args, context, enter: enterByArguments(session) });
    const tool = endpoints.get(name);
    if (tool) {
      const request = readArguments(tool, args);
      const inside = tool.ofWorkspace ? await enter(session, request.workspace) : session;
      const asked = await agree(inside, { tool, request, context });
      if (asked) return asked;
      return callEndpoint(host, inside, {
        tool,
        request,
        favorites: await favoritesOf(inside),
        signal: context.signal,
      });
    }
    const inside = inWorkspace(session);
    const runnable = inside ? await catalogue.find(inside.workspace, name) : null;
    const readable = inside && runnable ? (await catalogue.readable(inside.member)).includes(runnable) : false;
    if (!inside || !runnable || !readable) throw new UnknownTool(await unknown(session, name));
    const isFavorite = (await favoritesOf(inside)).has(`${runnable.kind}:${runnable.path}`);
    const verdict = judgeRunnable(inside, runnable, isFavorite);
    if (!verdict.allowed) throw new ToolFailure(`${name} is not available: ${verdict.reason}`);
    return runRunnable(host, inside, { runnable, args, context });
  };

  const unknown = async (session: Session, name: string): Promise<string> => {
    const near = nearest(
      name,
      (await listAll(session)).map((tool) => tool.name),
    );
    return `Unknown tool: ${name.slice(0, 200)}${near ? `. Did you mean ${near}?` : ""}`;
  };

  const guarded = async (work: () => Promise<ToolResult | AskedResult>): Promise<ToolResult | AskedResult> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ToolFailure) return failureResult(error);
      if (error instanceof ApiError) return failureResult(new ToolFailure(error.message, error.hint));
      throw error;
    }
  };

  const catalog = {
    list: listAll,
    call: (session: Session, asked: Asked) => callTool(session, asked) as Promise<ToolResult>,
  };
  return {
    endpoints,
    async list(session) {
      if (session.narrowing.mode !== "lean") return listAll(session);
      const waiting = ownTools.get("waitForJob");
      const cancel = endpoints.get("cancelQueuedJob");
      const shape = session.workspace === null ? "open" : "bound";
      const stop = cancel && judgeEndpoint(session, cancel).allowed ? [cancel.shown[shape]] : [];
      return [...leanTools, ...(waiting ? [waiting.shown] : []), ...stop];
    },
    call: (session, asked) =>
      guarded(() =>
        isLean(asked.name) && session.narrowing.mode === "lean"
          ? callLean(catalog, session, asked)
          : callTool(session, asked),
      ),
  };
}

/** Tools that are shown on request only are called all the same: this is about the length of a list, not about rights. */
export function isWanted({ narrowing: { mode, toolsets, tools }, grant }: Session, tool: EndpointTool): boolean {
  return (
    !tool.presentation.onRequest ||
    mode === "lean" ||
    toolsets !== null ||
    tools !== null ||
    grant.endpoints.has(tool.name) ||
    grant.toolsets.has(tool.toolset)
  );
}

function isVisible(
  session: Session,
  { shown, toolset, openOnly }: { shown: ShownTool; toolset: string; openOnly?: true },
): boolean {
  const { toolsets, tools, exclude } = session.narrowing;
  if (openOnly && session.workspace !== null) return false;
  return (
    (toolsets === null || toolsets.has(toolset)) &&
    (tools === null || tools.has(shown.name)) &&
    !exclude.has(shown.name)
  );
}

function withWorkspace(shown: ShownTool): ShownTool {
  const { properties, required } = shown.inputSchema as { properties?: Record<string, unknown>; required?: string[] };
  if (shown.name === "list_workspaces") return shown;
  const inputSchema = {
    ...shown.inputSchema,
    properties: { workspace: { type: "string" }, ...properties },
    required: ["workspace", ...(required ?? [])],
  };
  return { ...shown, inputSchema };
}
