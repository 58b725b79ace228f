import { jsonMembers } from "@towermill/contract";
import { readArguments } from "../endpoint/arguments.ts";
import { problemOf } from "../endpoint/answer.ts";
import { sendEndpoint } from "../endpoint/call.ts";
import { endpointTools, type EndpointTool } from "../endpoint/tool.ts";
import { ToolFailure } from "../failure.ts";
import type { Host } from "../host.ts";
import type { Session, WorkspaceSession } from "../session.ts";
import { judgeEndpoint } from "../verdict.ts";

/** What drafts over MCP are of. */
export const draftKinds = ["script", "flow", "app"] as const;
export type DraftKind = (typeof draftKinds)[number];

/** The operations of a kind, by what they do. */
export const operationsOf: Record<DraftKind, { read: string; create: string; update: string }> = {
  script: { read: "getScriptByPath", create: "createScript", update: "createScript" },
  flow: { read: "getFlowByPath", create: "createFlow", update: "updateFlow" },
  app: { read: "getAppByPath", create: "createApp", update: "updateApp" },
};

/** Members of an item, each as its JSON text: what is not touched stays exactly as it was stored. */
export type Members = Map<string, string>;

export interface Item {
  kind: DraftKind;
  path: string;
  /** What is deployed; `null` = nothing yet. */
  deployed: Members | null;
  /** The caller's own draft, and when it was saved; `null` = none. */
  draft: { members: Members; savedAt: string } | null;
}

/** A request's narrowing is about the tools it names, not about the operations a tool is made of. */
function behind(session: WorkspaceSession): WorkspaceSession {
  return { ...session, narrowing: { ...session.narrowing, mode: "all", toolsets: null, tools: null } };
}

function toolOf(host: Host, name: string): EndpointTool {
  const tool = endpointTools(host.operations).get(name);
  if (!tool) throw new ToolFailure(`${name} is not part of this server`);
  return tool;
}

/** Whether the token covers an operation that a tool is made of. */
export function covers(host: Host, session: Session, name: string): boolean {
  const tool = endpointTools(host.operations).get(name);
  const narrowing = { ...session.narrowing, mode: "all" as const, toolsets: null, tools: null };
  return tool !== undefined && judgeEndpoint({ ...session, narrowing }, tool).allowed;
}

export interface Step {
  name: string;
  args: Readonly<Record<string, unknown>>;
  /** In place of the body in `args`. */
  bodyText?: string;
}

/** Calls one of the operations a tool is made of, with the caller's rights. */
export function send(host: Host, session: WorkspaceSession, { name, args, bodyText }: Step): Promise<Response> {
  const tool = toolOf(host, name);
  const request = readArguments(tool, args);
  return sendEndpoint(host, behind(session), {
    tool,
    request,
    favorites: new Set(),
    ...(bodyText === undefined ? {} : { bodyText }),
  });
}

/** The same, for an answer that has to be a good one. @throws ToolFailure with what the API said */
export async function ask(host: Host, session: WorkspaceSession, step: Step): Promise<string> {
  const response = await send(host, session, step);
  const text = await response.text();
  if (response.ok) return text;
  const { detail = text, hint = "" } = problemOf(text, response.status);
  throw new ToolFailure(`${step.name} failed (${response.status}): ${detail}`, hint);
}

async function deployedOf(
  host: Host,
  session: WorkspaceSession,
  kind: DraftKind,
  path: string,
): Promise<Members | null> {
  const response = await send(host, session, { name: operationsOf[kind].read, args: { path } });
  const text = await response.text();
  if (response.ok) return jsonMembers(text);
  if (response.status === 404) return null;
  throw new ToolFailure(
    `${path} could not be read (${response.status}): ${problemOf(text, response.status).detail ?? text}`,
  );
}

async function draftOf(host: Host, session: WorkspaceSession, kind: DraftKind, path: string): Promise<Item["draft"]> {
  const text = await ask(host, session, { name: "getOwnDraft", args: { kind, path } });
  if (text.trim() === "null" || text === "") return null;
  const saved = jsonMembers(text);
  const savedAt = JSON.parse(saved.get("created_at") ?? '""') as string;
  return { members: jsonMembers(saved.get("value") ?? "{}"), savedAt };
}

/** An item as it is deployed and as the caller drafts it. */
export async function findItem(
  host: Host,
  session: WorkspaceSession,
  { kind, path }: { kind: DraftKind; path: string },
): Promise<Item> {
  const deployed = await deployedOf(host, session, kind, path);
  return { kind, path, deployed, draft: await draftOf(host, session, kind, path) };
}

/** @throws ToolFailure when there is no draft of it */
export function requireDraft({ draft, kind, path }: Item): NonNullable<Item["draft"]> {
  if (draft) return draft;
  throw new ToolFailure(`You have no draft of the ${kind} ${path}`, "editDraft makes one; listDrafts shows yours.");
}

/** Fields of a kind that a deployment takes, the operation's own switches left out. */
export function fieldsOf(host: Host, kind: DraftKind): string[] {
  const { body } = toolOf(host, operationsOf[kind].create);
  const switches = new Set([
    "draft_only",
    "deployment_message",
    "parent_hash",
    "auto_parent",
    "lock",
    "path",
    "skip_draft_deletion",
  ]);
  return body === null || body === "raw" ? [] : Object.keys(body.properties).filter((name) => !switches.has(name));
}
