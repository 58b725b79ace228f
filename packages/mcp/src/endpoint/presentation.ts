import type { OperationSpec } from "@towermill/contract";

/** What a catalogue says of an operation beyond what the contract does. */
export interface Presentation {
  toolset: string;
  /** Query parameters the tool shows; the others are accepted all the same. Absent = all. */
  query?: readonly string[];
  /** The same for fields of the body. */
  body?: readonly string[];
  /** Fields of the body that another tool describes: what is said instead. */
  elsewhere?: Readonly<Record<string, string>>;
  /** The answer is one document that makes sense only as a whole: it may be longer than usual. */
  document?: true;
  /** An update that replaces the whole: what a call leaves out is taken from the item that `from` reads. */
  completion?: { from: string; fields: readonly string[] };
  /** Listed only where it is asked for: by its toolset, by its name, or by a scope that names it. */
  onRequest?: true;
}

/** Domains of the contract that share a toolset with another; the rest are toolsets of their own name. */
const toolsets: Record<string, string> = {
  concurrency_groups: "jobs",
  job_helpers: "jobs",
  inputs: "jobs",
  configs: "workers",
  raw_apps: "apps",
  acls: "folders",
  groups: "admin",
  users: "admin",
  workspaces: "admin",
  settings: "admin",
  audit: "admin",
  oauth: "admin",
  openapi: "docs",
};

const jobListQuery = [
  "per_page",
  "page",
  "script_path_exact",
  "script_path_start",
  "success",
  "running",
  "status",
  "created_by",
  "created_after",
  "created_before",
  "schedule_path",
  "label",
];

const itemListQuery = ["per_page", "page", "path_start", "search", "label", "resource_type"];
const flowFields = ["path", "summary", "description", "value", "schema", "draft_only", "deployment_message"];
const scheduleFields = [
  "path",
  "schedule",
  "timezone",
  "script_path",
  "is_flow",
  "args",
  "enabled",
  "summary",
  "description",
  "on_failure",
  "catch_up",
  "overlap",
];
const appFields = ["path", "summary", "value", "policy", "draft_only", "deployment_message"];
const scriptFields = [
  "path",
  "summary",
  "description",
  "content",
  "language",
  "auto_parent",
  "parent_hash",
  "schema",
  "kind",
  "tag",
  "timeout",
  "deployment_message",
];

/** Tools whose schema would cost more than it tells; everything else shows all it takes. */
const known: Record<string, Partial<Presentation>> = {
  listJobs: { query: jobListQuery },
  listQueue: { query: ["per_page", "page", "script_path_exact", "running", "suspended", "created_by"] },
  listCompletedJobs: { query: jobListQuery },
  listScripts: { query: [...itemListQuery, "kinds", "show_archived", "starred_only", "created_by"] },
  listFlows: { query: [...itemListQuery, "show_archived", "starred_only"] },
  listApps: { query: [...itemListQuery, "starred_only"] },
  listVariable: { query: ["per_page", "page", "path_start", "description"] },
  listResource: { query: ["per_page", "page", "path_start", "resource_type"] },
  listSchedules: { query: ["per_page", "page", "path", "path_start", "is_flow"] },
  runScriptByPath: { query: ["scheduled_in_secs", "tag"] },
  runFlowByPath: { query: ["scheduled_in_secs", "tag"] },
  runScriptPreview: { query: ["timeout"], body: ["content", "language", "args", "path", "tag"] },
  runScriptPreviewAndWaitResult: { query: ["timeout"], body: ["content", "language", "args", "path", "tag"] },
  createFlow: { body: flowFields },
  updateFlow: {
    body: flowFields,
    elsewhere: { value: "The flow, as createFlow takes it" },
    completion: { from: "getFlowByPath", fields: ["value", "summary", "description", "schema"] },
  },
  runFlowPreview: {
    query: [],
    body: ["value", "args", "path"],
    elsewhere: { value: "The flow, as createFlow takes it" },
  },
  createSchedule: { body: scheduleFields },
  updateSchedule: { body: scheduleFields },
  createApp: { query: [], body: appFields },
  updateApp: { query: [], body: appFields },
  createScript: { query: [], body: scriptFields },
  updateScript: { query: [], body: scriptFields },
  getScriptByPath: { query: [], document: true },
  getFlowByPath: { query: [], document: true },
  getAppByPath: { query: [], document: true },
  createVariable: { query: [], body: ["path", "value", "is_secret", "description"] },
  updateVariable: { query: [], body: ["path", "value", "is_secret", "description"] },
  createResource: { query: ["update_if_exists"], body: ["path", "value", "resource_type", "description"] },
  getCompletedJobResult: { query: ["path"], onRequest: true },
  getScriptHistoryByPath: { onRequest: true },
  getQueueStatus: { onRequest: true },
  listTrash: { toolset: "trash" },
  restoreTrashItem: { toolset: "trash" },
  getVariable: { query: ["decrypt_secret"] },
  listWorkers: { query: ["per_page", "page"] },
};

function toolsetOf(op: OperationSpec): string {
  const domain = op.scope?.domain ?? "admin";
  if (domain.endsWith("_triggers")) return "triggers";
  return toolsets[domain] ?? domain;
}

/** Toolsets that most conversations never need. */
const onRequest = new Set(["triggers", "drafts", "admin", "audit", "folders", "trash"]);

export function presentationOf(op: OperationSpec): Presentation {
  const toolset = toolsetOf(op);
  const usual = { toolset, ...known[op.id] };
  return { ...(onRequest.has(usual.toolset) ? { onRequest: true as const } : {}), ...usual };
}
