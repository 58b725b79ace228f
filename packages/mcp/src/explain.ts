import { sql } from "@towermill/store";
import type { Host } from "./host.ts";
import { nearest } from "./failure.ts";
import type { Catalogue } from "./runnable/catalogue.ts";
import { pathOf, toolName } from "./runnable/name.ts";
import type { WorkspaceSession } from "./session.ts";
import { isOffered, isShown, isWanted } from "./listing.ts";
import { ownTools, type OwnTool } from "./own-tools.ts";
import type { Toolbox } from "./toolbox.ts";
import { judgeEndpoint, judgeRunnable } from "./verdict.ts";

/** Why a tool is listed or not, for the person who looks for it. */
export interface Explanation {
  tool: string;
  listed: boolean;
  /** `listed`, or what stands in the way: `scope`, `read_only`, `role`, `narrowed`, `favorite`, `path`, `draft`, `archived`, `permission`, `not_a_tool`, `on_request`, `unknown`. */
  because: string;
  reason: string;
  path?: string;
}

interface Place {
  host: Host;
  toolbox: Toolbox;
  catalogue: Catalogue;
  session: WorkspaceSession;
}

interface ScriptState {
  archived: boolean;
  draft_only: boolean;
  kind: string;
  lib: boolean;
  extra_perms: Record<string, boolean>;
}

/** A tool name or a path → the path. */
function pathFor(name: string): string | null {
  if (/^[ufg]\/.+/.test(name)) return name;
  return pathOf(name)?.path ?? null;
}

async function explainAbsent({ host, session, catalogue }: Place, name: string): Promise<Explanation> {
  const { workspace, member } = session;
  const path = pathFor(name);
  const state =
    path === null
      ? undefined
      : await host.db.maybe<ScriptState>(sql`
    select archived, draft_only, kind, options->>'auto_kind' is not distinct from 'lib' as lib, extra_perms from script
    where workspace_id = ${workspace} and path = ${path} and not deleted order by archived, created_at desc limit 1`);
  const readable = (await catalogue.readable(member)).map((each) => each.toolName);
  const unknown = {
    tool: name,
    listed: false,
    because: "unknown",
    reason: `no script or flow of this name is deployed in ${workspace}, or you may not read it`,
  };
  if (path === null || !state || !mayKnow(session, path, state.extra_perms)) {
    const near = nearest(name, readable);
    return { ...unknown, reason: near ? `${unknown.reason}; did you mean ${near}?` : unknown.reason };
  }
  const told = { tool: name, listed: false, path };
  if (state.archived) return { ...told, because: "archived", reason: "it is archived; deploy it again" };
  if (state.draft_only) return { ...told, because: "draft", reason: "it is only a draft; deploy it" };
  return {
    ...told,
    because: "not_a_tool",
    reason: state.lib
      ? "it is a library: it has no main function"
      : `scripts of the kind ${state.kind} are not run on their own`,
  };
}

function mayKnow({ member }: WorkspaceSession, path: string, acl: Record<string, boolean>): boolean {
  const [kind, owner = ""] = path.split("/");
  if (member.isAdmin || (kind === "u" && owner === member.username)) return true;
  const principals = [`u/${member.username}`, ...member.groups.map((group) => `g/${group}`)];
  return (kind === "f" && member.foldersRead.includes(owner)) || principals.some((who) => who in acl);
}

function explainOwn({ host, session }: Place, tool: OwnTool): Explanation {
  const told = { tool: tool.shown.name, listed: false };
  if (isShown(host, session, tool)) return { ...told, listed: true, because: "listed", reason: "the token covers it" };
  if (tool.covered?.(host, session) === false)
    return { ...told, because: "scope", reason: "the token's scopes do not cover the operations it is made of" };
  if (!isOffered(host, session, tool))
    return { ...told, because: "narrowed", reason: "this address or token shows no such tool" };
  const reason = `it is shown on request, and can be called all the same: add ?toolsets=${tool.toolset} to the address`;
  return { ...told, because: "on_request", reason };
}

/** Answers why a tool, by name or by the path of its script, is listed or not. */
export async function explain(place: Place, name: string): Promise<Explanation> {
  const { toolbox, catalogue, session, host } = place;
  const tool = toolbox.endpoints.get(name);
  if (tool) {
    const verdict = judgeEndpoint(session, tool);
    if (verdict.allowed && !isWanted(session, tool)) {
      return {
        tool: name,
        listed: false,
        because: "on_request",
        reason: `it is shown on request, and can be called all the same: add ?toolsets=${tool.toolset} to the address`,
      };
    }
    if (verdict.allowed) return { tool: name, listed: true, because: "listed", reason: "the token covers it" };
    return { tool: name, listed: false, because: verdict.because, reason: verdict.reason };
  }
  const own = ownTools.get(name);
  if (own) return explainOwn(place, own);
  const operation = host.operations.find((op) => op.id === name);
  if (operation)
    return {
      tool: name,
      listed: false,
      because: "not_a_tool",
      reason: "it is an operation of the REST API that is not offered as a tool",
    };
  const candidates = /^[ufg]\//.test(name) ? [toolName("script", name), toolName("flow", name)] : [name];
  for (const candidate of candidates) {
    const runnable = await catalogue.find(session.member, candidate);
    if (!runnable) continue;
    const favorites = await catalogue.favorites(session.member);
    const verdict = judgeRunnable(session, runnable, favorites.has(`${runnable.kind}:${runnable.path}`));
    const told = { tool: runnable.toolName, path: runnable.path };
    if (!verdict.allowed) return { ...told, listed: false, because: verdict.because, reason: verdict.reason };
    const reason =
      runnable.summary === "" ? "listed, but it has no summary: the model sees only its path" : "the token covers it";
    return { ...told, listed: true, because: "listed", reason };
  }
  return explainAbsent(place, name);
}
