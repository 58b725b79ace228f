import { createHash } from "node:crypto";
import type { CallContext } from "../call.ts";
import { requireArgument, ToolFailure } from "../failure.ts";
import type { Host } from "../host.ts";
import type { OwnTool } from "../own-tools.ts";
import { jsonResult, previewResult, usualLimit, type ToolResult } from "../result.ts";
import { followRun } from "../runnable/call.ts";
import { runAnswer } from "../runnable/tool.ts";
import type { WorkspaceSession } from "../session.ts";
import { deployDraft, isOvertaken, waitUntilReady } from "./deploy.ts";
import { compareItem, editDraft, type Edit } from "./edit.ts";
import { covers, draftKinds, findItem, requireDraft, send, type DraftKind, type Item } from "./item.ts";

type Arguments = Readonly<Record<string, unknown>>;

const kind = { type: "string", enum: [...draftKinds] };
const place = { kind, path: { type: "string" } };
const text = { type: "string" };
const changes = {
  type: "object" as const,
  properties: { path: text, changed: { type: "array" }, diff: text },
};

function kindOf(args: Arguments): DraftKind {
  const found = draftKinds.find((each) => each === args["kind"]);
  if (!found) throw new ToolFailure("kind: is required", `Expected one of ${draftKinds.join(", ")}.`);
  return found;
}

function itemOf(host: Host, session: WorkspaceSession, args: Arguments): Promise<Item> {
  return findItem(host, session, { kind: kindOf(args), path: requireArgument(args, "path") });
}

function objectOf(args: Arguments, name: string): Record<string, unknown> {
  const value = args[name] ?? {};
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new ToolFailure(`${name}: expected an object`);
}

function editsOf(args: Arguments): Edit[] {
  const edits = args["edits"] ?? [];
  if (!Array.isArray(edits)) throw new ToolFailure("edits: expected a list of {old, new}");
  return edits.map((each: unknown, at) => {
    const { old, new: fresh } = (typeof each === "object" && each !== null ? each : {}) as Partial<Edit>;
    if (typeof old === "string" && typeof fresh === "string") return { old, new: fresh };
    throw new ToolFailure(`edits.${at}: expected {old, new}, both strings`);
  });
}

function shownChanges(value: { path: string; changed: string[]; diff: string }, more: object = {}): ToolResult {
  const result = { ...value, ...more };
  if (JSON.stringify(result).length <= usualLimit) return jsonResult(result);
  const preview = previewResult(value.diff, null);
  return { ...preview, structuredContent: { path: value.path, changed: value.changed, ...preview.structuredContent } };
}

const hints = { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false };
const usual = { toolset: "drafts", onRequest: true } as const;

const editing: OwnTool = {
  ...usual,
  covered: (host, session) => covers(host, session, "updateDraft"),
  shown: {
    name: "editDraft",
    title: "Edit a draft",
    description:
      "Changes your draft of a script, flow or app, begun from what is deployed. edits replace text that stands once: in a script's code, in the inline script of a flow's module, else in the value as indented JSON. fields sets whole fields (summary, language, content, value…): so a new item begins. Answers the diff.",
    inputSchema: {
      type: "object",
      properties: {
        ...place,
        edits: {
          type: "array",
          items: { type: "object", properties: { old: text, new: text }, required: ["old", "new"] },
        },
        module: { type: "string", description: "Id of a flow's step" },
        fields: { type: "object" },
      },
      required: ["kind", "path"],
    },
    outputSchema: changes,
    annotations: hints,
  },
  async call(host, _, { args, enter }) {
    const session = await enter(args);
    const item = await itemOf(host, session, args);
    const module = typeof args["module"] === "string" ? { module: args["module"] } : {};
    const change = { edits: editsOf(args), fields: objectOf(args, "fields"), ...module };
    if (change.edits.length === 0 && Object.keys(change.fields).length === 0)
      throw new ToolFailure("edits or fields: one of them is required");
    const before = item.draft?.members ?? item.deployed;
    const after = await editDraft(host, session, { item, change });
    return shownChanges({ path: item.path, ...compareItem(host, item.kind, { before, after }) });
  },
};

const comparing: OwnTool = {
  ...usual,
  covered: (host, session) => covers(host, session, "getOwnDraft"),
  shown: {
    name: "diffDraft",
    title: "Compare a draft",
    description: "Shows what your draft changes of what is deployed, as a unified diff of each field.",
    inputSchema: { type: "object", properties: place, required: ["kind", "path"] },
    outputSchema: changes,
    annotations: { ...hints, readOnlyHint: true, idempotentHint: true },
  },
  async call(host, _, { args, enter }) {
    const item = await itemOf(host, await enter(args), args);
    const { members } = requireDraft(item);
    const compared = compareItem(host, item.kind, { before: item.deployed, after: members });
    return shownChanges(
      { path: item.path, ...compared },
      { deployed: item.deployed !== null, overtaken: isOvertaken(item) },
    );
  },
};

const testing: OwnTool = {
  ...usual,
  covered: (host, session) => covers(host, session, "runScriptPreview"),
  shown: {
    name: "testDraft",
    title: "Test a draft",
    description:
      "Runs your draft of a script or flow without deploying it, and waits for its result like a deployed run.",
    inputSchema: {
      type: "object",
      properties: { kind: { type: "string", enum: ["script", "flow"] }, path: text, args: { type: "object" } },
      required: ["kind", "path"],
    },
    outputSchema: runAnswer,
    annotations: { ...hints, destructiveHint: true, openWorldHint: true },
  },
  async call(host, _, { args, context, enter }) {
    const session = await enter(args);
    const item = await itemOf(host, session, args);
    const { members } = requireDraft(item);
    if (item.kind === "app") throw new ToolFailure("kind: expected script or flow; apps are not run");
    const field = (name: string): unknown => JSON.parse(members.get(name) ?? "null");
    const code =
      item.kind === "flow"
        ? { value: field("value") }
        : {
            content: field("content"),
            language: field("language"),
            ...(members.has("tag") ? { tag: field("tag") } : {}),
          };
    const body = { ...code, path: item.path, args: objectOf(args, "args") };
    const name = item.kind === "flow" ? "runFlowPreview" : "runScriptPreview";
    const start = (id: string): Promise<Response> =>
      send(host, session, { name, args: { body, query: { job_id: id } } });
    return followRun(host, session, { name: `The draft of ${item.path}`, context, start });
  },
};

/** Whether to go on although somebody has deployed since the draft was made. */
async function agreed(item: Item, context: CallContext, confirmed: boolean) {
  if (!isOvertaken(item) || confirmed) return null;
  const { members } = requireDraft(item);
  const about = JSON.stringify([item.kind, item.path, [...members]]);
  const question = {
    text: `${item.path} was deployed by somebody since this draft was made. Replace it?`,
    digest: createHash("sha256").update(about).digest("base64url"),
  };
  const answer = context.canAsk ? await context.agreed(question) : "no";
  if (answer === "ask") return context.ask(question);
  if (answer === "yes") return null;
  throw new ToolFailure(
    `${item.path} was deployed by somebody since this draft was made; nothing was done`,
    "diffDraft shows what would be replaced. If the user agrees, call again with confirm: true.",
  );
}

const deploying: OwnTool = {
  ...usual,
  covered: (host, session) => ["createScript", "createFlow", "createApp"].some((name) => covers(host, session, name)),
  shown: {
    name: "deployDraft",
    title: "Deploy a draft",
    description: "Deploys your draft as a new version and drops it. Look at diffDraft and run testDraft first.",
    inputSchema: {
      type: "object",
      properties: { ...place, deployment_message: text, confirm: { type: "boolean" } },
      required: ["kind", "path"],
    },
    outputSchema: {
      type: "object",
      properties: { path: text, answer: text, changed: { type: "array" } },
    },
    annotations: hints,
  },
  async call(host, _, { args, context, enter }) {
    const session = await enter(args);
    const item = await itemOf(host, session, args);
    const asked = await agreed(item, context, args["confirm"] === true);
    if (asked) return asked;
    const { changed } = compareItem(host, item.kind, { before: item.deployed, after: requireDraft(item).members });
    const message = typeof args["deployment_message"] === "string" ? args["deployment_message"] : null;
    const answer = await deployDraft(host, session, { item, message });
    const unready = await waitUntilReady(host, session, { item, answer, context });
    if (!unready) return jsonResult({ path: item.path, answer, changed });
    const [said] = unready.content;
    const about = `${item.path} is deployed, and runs as it did before until its dependencies are resolved.`;
    return { ...unready, content: [{ type: "text", text: `${about}\n${said?.type === "text" ? said.text : ""}` }] };
  },
};

/** Work on something without deploying it: edit, compare, test, deploy. */
export const draftTools: readonly OwnTool[] = [editing, comparing, testing, deploying];
