import { jsonObject } from "@towermill/contract";
import { ToolFailure } from "../failure.ts";
import type { Host } from "../host.ts";
import type { WorkspaceSession } from "../session.ts";
import { unifiedDiff } from "./diff.ts";
import { ask, fieldsOf, type DraftKind, type Item, type Members } from "./item.ts";

/** One replacement: `old` must stand exactly once in the text. */
export interface Edit {
  old: string;
  new: string;
}

interface Module {
  id?: string;
  value?: { type?: string; content?: string } & Record<string, unknown>;
}

function replaceOnce(text: string, { old, new: fresh }: Edit, number: number): string {
  const at = text.indexOf(old);
  const place = `edits.${number}.old`;
  if (old === "" || at === -1)
    throw new ToolFailure(`${place}: does not stand in the text`, "Read it first; white space counts.");
  if (text.indexOf(old, at + 1) !== -1)
    throw new ToolFailure(`${place}: stands in the text more than once`, "Take more of what is around it along.");
  return text.slice(0, at) + fresh + text.slice(at + old.length);
}

function editText(text: string, edits: readonly Edit[]): string {
  return edits.reduce(replaceOnce, text);
}

/** Every step of a flow's value, whatever it is nested in. */
function modulesOf(value: unknown): Module[] {
  if (Array.isArray(value)) return value.flatMap(modulesOf);
  if (typeof value !== "object" || value === null) return [];
  const inner = Object.values(value).flatMap(modulesOf);
  return "id" in value && "value" in value ? [value as Module, ...inner] : inner;
}

function moduleOf(value: unknown, id: string): NonNullable<Module["value"]> & { content: string } {
  const modules = modulesOf(value).filter((each) => typeof each.value?.content === "string");
  const found = modules.find((each) => each.id === id)?.value;
  if (found && typeof found.content === "string") return found as never;
  const known = modules.map((each) => each.id).join(", ") || "none";
  throw new ToolFailure(`module: the flow has no inline script ${id}`, `Its inline scripts: ${known}.`);
}

function valueOf(members: Members): unknown {
  return JSON.parse(members.get("value") ?? "{}");
}

/** What is edited as text: the code of a script or of a flow's module, else the value as indented JSON. */
function edited(kind: DraftKind, members: Members, { edits, module }: Change): [string, string] {
  if (kind === "script") {
    const content = JSON.parse(members.get("content") ?? '""') as string;
    return ["content", JSON.stringify(editText(content, edits))];
  }
  const value = valueOf(members);
  if (module === undefined) {
    const text = editText(JSON.stringify(value, null, 2), edits);
    try {
      return ["value", JSON.stringify(JSON.parse(text))];
    } catch (error) {
      throw new ToolFailure(`edits: the value is no JSON after them: ${error instanceof Error ? error.message : ""}`);
    }
  }
  const inline = moduleOf(value, module);
  inline.content = editText(inline.content, edits);
  return ["value", JSON.stringify(value)];
}

export interface Change {
  edits: readonly Edit[];
  module?: string;
  fields: Readonly<Record<string, unknown>>;
}

function startOf(item: Item, fields: readonly string[]): Members {
  if (item.draft) return new Map(item.draft.members);
  const base = ["path", "hash", "version_id", "versions", ...fields];
  const known = item.deployed ?? new Map<string, string>([["summary", '""']]);
  const start = new Map([...known].filter(([name]) => base.includes(name)));
  const hash = start.get("hash");
  if (hash !== undefined) start.set("parent_hash", hash);
  return start.set("path", JSON.stringify(item.path));
}

/** Changes the caller's draft of an item, made from what is deployed where there is none. @returns its members */
export async function editDraft(
  host: Host,
  session: WorkspaceSession,
  { item, change }: { item: Item; change: Change },
): Promise<Members> {
  const fields = fieldsOf(host, item.kind);
  const members = startOf(item, fields);
  for (const [name, value] of Object.entries(change.fields)) {
    if (!fields.includes(name))
      throw new ToolFailure(`fields.${name}: a ${item.kind} has no such field`, `It has: ${fields.join(", ")}.`);
    members.set(name, JSON.stringify(value));
  }
  if (change.edits.length > 0) members.set(...edited(item.kind, members, change));
  const bodyText = jsonObject([
    ["value", jsonObject(members)],
    ...(item.draft ? [["last_sync", JSON.stringify(item.draft.savedAt)] as [string, string]] : []),
  ]);
  const saved = await ask(host, session, { name: "updateDraft", args: { kind: item.kind, path: item.path }, bodyText });
  if ((JSON.parse(saved) as { status: string }).status === "saved") return members;
  throw new ToolFailure(`The draft of ${item.path} was saved by somebody else meanwhile`, "Read it again and repeat.");
}

function textOf(json: string | undefined): string {
  const value: unknown = json === undefined || json === "null" ? "" : JSON.parse(json);
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** What of an item differs, field by field. */
export function compareItem(
  host: Host,
  kind: DraftKind,
  { before, after }: { before: Members | null; after: Members },
): { changed: string[]; diff: string } {
  const parts = fieldsOf(host, kind)
    .filter((name) => after.has(name))
    .map((name) => ({ name, diff: unifiedDiff(name, textOf(before?.get(name)), textOf(after.get(name))) }))
    .filter(({ diff }) => diff !== "");
  return { changed: parts.map(({ name }) => name), diff: parts.map(({ diff }) => diff).join("\n") };
}
