import { operations, triggerKinds, type OperationSpec } from "@towermill/contract";
import { describe, expect, test } from "vitest";
import { startInstance } from "./support/instance.ts";
import { plantItems, type CallerKind, type Item } from "./support/planted.ts";

/**
 * Every operation of a workspace × every kind of caller: what its answers hold. No answer names or shows an item that its
 * caller may not read, and nobody changes what they may not write. Operations that read are in the table below; one that
 * is in none of its rows fails.
 */
const instance = await startInstance();
const planted = await plantItems(instance);
const { workspace, items, callers } = planted;

const capital = (kind: string): string => `${kind.slice(0, 1).toUpperCase()}${kind.slice(1)}`;
const ofTriggers = (name: (kind: string) => string): Record<string, string[]> =>
  Object.fromEntries(triggerKinds.map((kind) => [name(capital(kind)), [`${kind}_trigger`]]));
const every = (kinds: readonly string[], ids: string): Record<string, readonly string[]> =>
  Object.fromEntries(
    ids
      .trim()
      .split(/\s+/)
      .map((id) => [id, kinds]),
  );
const inFiles = ["script", "flow", "app", "raw_app", "variable", "secret", "resource", "folder"];

/** Name every item of these kinds that their caller may read, and no other. */
const lists: Record<string, readonly string[]> = {
  ...every(["script"], "listScripts listScriptPaths listSearchScript"),
  ...every(["flow"], "listFlows listFlowPaths listSearchFlow"),
  ...every(["script", "flow"], "listRunnables listJobs listCompletedJobs listExtendedJobs"),
  ...every(["app", "raw_app"], "listApps listSearchApp"),
  ...every(["raw_app"], "listRawApps"),
  ...every(["variable", "secret"], "listVariable"),
  ...every(["resource"], "listResource listSearchResource listResourceNames"),
  ...every(["schedule"], "listSchedules listSchedulesWithJobs"),
  ...every(["folder"], "listFolders"),
  ...every(["trash"], "listTrash"),
  ...every(["script", "flow", "variable", "secret", "resource"], "listPathAutocompletePaths"),
  ...every(
    triggerKinds.map((kind) => `${kind}_trigger`),
    "listTriggerHistory",
  ),
  ...every(inFiles, "exportWorkspace"),
  ...ofTriggers((kind) => `list${kind}Triggers`),
};

/** Show what one item holds, to those who may read it. */
const shows: Record<string, readonly string[]> = {
  ...every(["script"], "getScriptByPath getScriptByHash rawScriptByPath rawScriptByPathUnpinned rawScriptByHash"),
  ...every(["script"], "runWaitResultScriptByPathGet runWaitResultScriptByHashGet"),
  ...every(["flow"], "getFlowByPath getFlowVersion"),
  ...every(["app", "raw_app"], "getAppByPath getAppLiteByPath"),
  ...every(["app"], "getAppByVersion"),
  ...every(["variable", "secret"], "getVariable getVariableValue"),
  ...every(["resource"], "getResource getResourceValue getResourceValueInterpolated getResourceVersion"),
  ...every(["schedule"], "getSchedule"),
  ...every(["folder"], "getFolder"),
  ...every(["trash"], "getTrashItem"),
  ...every(["job", "flow_job"], "getJob getJobArgs getCompletedJob getFlowDebugInfo getJobUpdatesSse"),
  ...every(["flow_job"], "getCompletedJobResult getCompletedJobResultMaybe getFlowAllResults resultById"),
  ...ofTriggers((kind) => `get${kind}Trigger`),
};

/** Answer about one item to those who may read it, without showing it; to all others as if there were none. */
const tells: Record<string, readonly string[]> = {
  ...every(
    ["script"],
    "getScriptHistoryByPath getScriptLatestVersion getScriptDeploymentStatus getTriggersCountOfScript",
  ),
  ...every(["script"], "listTokensOfScript"),
  ...every(
    ["flow"],
    "getFlowHistory getFlowLatestVersion getFlowDeploymentStatus getTriggersCountOfFlow listTokensOfFlow",
  ),
  ...every(["flow"], "runWaitResultFlowByPathGet runWaitResultFlowByVersionGet"),
  ...every(["app", "raw_app"], "getAppHistoryByPath getAppLatestVersion getPublicSecretOfLatestVersionOfApp"),
  ...every(["resource"], "getResourceHistory"),
  ...every(["schedule"], "listScheduleTicks"),
  ...every(["folder"], "getFolderUsage"),
  ...every(["job", "flow_job"], "getJobLogs getJobUpdates getCompletedJobTiming getCompletedJobLogsTail getRootJobId"),
  ...every(["job", "flow_job"], "getFlowAllLogs getFlowAllLogsStructured getFlowEvents getFlowUserState"),
};

const exists: Record<string, readonly string[]> = {
  ...every(["script"], "existsScriptByPath"),
  ...every(["flow"], "existsFlowByPath"),
  ...every(["app", "raw_app"], "existsApp"),
  ...every(["variable", "secret"], "existsVariable"),
  ...every(["resource"], "existsResource"),
  ...every(["schedule"], "existsSchedule"),
  ...every(["folder"], "existsFolder"),
  ...ofTriggers((kind) => `exists${kind}Trigger`),
};

/** Answer no items, or other kinds of which their own tests tell; they must still give nothing away. */
const others = new Set(
  `compareWorkspaces countCompletedJobs countRunnablesByOwner customPathExists existsEmailLocalPart existsNativeTrigger
  existsResourceType existsRoute fileResourceTypeToFileExtMap getApprovalInfo getAuditLog getCompletedCount
  getCustomTagsForWorkspace getDefaultScripts getDraftForUser getGitSyncDeployMode getGranularAcls getGroup getIsPremium
  getJobProgress getLatestWorkspaceDependencies getLogFileFromStore getNativeTrigger getOwnDraft getPublicSettings
  getQueueCount getQueuePosition getRawAppData getResourceType getScheduledFor getSettings getSharedUi getSharedUiVersion
  getSuspendedJobFlow getUsedTriggers getUser getWorkspaceAsSuperAdmin getWorkspaceDefaultApp getWorkspaceEncryptionKey
  getWorkspaceName getWorkspaceUsage isOwnerOfPath listAppPathsFromWorkspaceRunnable listAuditLogs listContextualVariables
  listDataTables listDatatableMigrations listDrafts listDucklakes listFilteredJobsUuids listFilteredQueueUuids
  listFlowPathsFromWorkspaceRunnable listFolderNames listGroupNames listGroups listNativeTriggers listPendingInvites
  listProtectionRules listQueue listResourceCountsByType listResourceType listResourceTypeNames
  listScriptPathsFromWorkspaceRunnable listSharedUi listUsernames listUsers listWorkspaceDependencies listWsSpecific
  createJobSignature getResumeUrls resumeSuspendedJobGet cancelSuspendedJobGet usernameToEmail whoami whois
  runAndStreamFlowByPathGet runAndStreamFlowByVersionGet runAndStreamScriptByHashGet runAndStreamScriptByPathGet`.split(
    /\s+/,
  ),
);

const inWorkspace = operations.filter((op) => op.path.startsWith("/w/{workspace}/"));
const reading = inWorkspace.filter((op) => op.method === "GET" || op.readsOnly);
const changing = inWorkspace.filter((op) => !reading.includes(op) && op.scope?.action !== "run");

/** The kinds whose items an operation is about, by the table or else by its path. */
function kindsOf(op: OperationSpec): readonly string[] {
  const listed = [lists, shows, tells, exists].flatMap((table) => table[op.id] ?? []);
  if (listed.length > 0) return listed;
  const [, area = ""] = /^\/w\/\{workspace\}\/([a-z_]+)/.exec(op.path) ?? [];
  const known: Record<string, string[]> = {
    jobs: ["job", "flow_job"],
    jobs_u: ["job", "flow_job"],
    apps: ["app", "raw_app"],
    variables: ["variable", "secret"],
  };
  return known[area] ?? [area.replace(/s$/, "")];
}

const none = "0190b5a0-0000-7000-8000-000000000000";
/** What is put into paths where an item has nothing for them. */
const filling: Record<string, string> = {
  kind: "script",
  runnable_kind: "script",
  username: "ann",
  id: "0",
  hash: "0",
  version: "0",
  resume_id: "1",
  node_id: "a",
  language: "bun",
  service_name: "github",
  scheduled_for: "0",
  flow_job_id: none,
  job_id: none,
  path: "u/admin/none",
  target_workspace_id: "hidden",
  fork_workspace_id: "hidden",
};

function urlOf(op: OperationSpec, item: Item | null): string {
  const path = op.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    if (name === "workspace") return workspace;
    const own = name === "path" ? (item?.params[op.id] ?? item?.params["path"]) : item?.params[name];
    return own ?? filling[name] ?? "x";
  });
  return `${path}?per_page=1000`;
}

interface Request {
  url: string;
  item: Item | null;
}

/** The requests that an operation is tried with: one for each item it could be about, or just one. */
function requestsOf(op: OperationSpec): Request[] {
  const kinds = kindsOf(op);
  const about = /\{(?!workspace)/.test(op.path) ? items.filter((item) => kinds.includes(item.kind)) : [];
  return (about.length > 0 ? about : [null]).map((item) => ({ url: urlOf(op, item), item }));
}

async function ask(op: OperationSpec, { token }: CallerKind, url: string): Promise<{ status: number; text: string }> {
  const response = await instance.call(op.method, url, { token, ...(op.body ? { body: {} } : {}) });
  return { status: response.status, text: await response.text() };
}

/** Items that an answer names or shows; what the request said itself is not told by the answer. */
function foundIn(text: string, url: string): Item[] {
  return items.filter(({ name, content }) => text.includes(content) || (text.includes(name) && !url.includes(name)));
}

const narrowed = /scripts|flows|apps|variables|resources|schedules|drafts|_triggers/;
const mayRead = (caller: CallerKind, op: OperationSpec, item: Item): boolean =>
  caller.sees.includes(item.place) &&
  !(caller.isNarrowed && !(op.scope?.action === "read" && narrowed.test(op.scope.domain))) &&
  !(caller.isOperator && (op.access === "developer" || (item.kind === "secret" && op.id in shows)));

test("every operation that reads is in the table, in one row", () => {
  const rows = [...[lists, shows, tells, exists].flatMap((table) => Object.keys(table)), ...others];
  const known = new Set(inWorkspace.map((op) => op.id));
  expect(reading.map((op) => op.id).filter((id) => !rows.includes(id))).toEqual([]);
  expect(rows.filter((id, index) => !known.has(id) || rows.indexOf(id) !== index)).toEqual([]);
});

describe.each(Object.entries(callers))("%s", (_name, caller) => {
  test("is answered what they may read, by every operation, and nothing else", { timeout: 300_000 }, async () => {
    const wrong: string[] = [];
    for (const op of reading) {
      for (const { url, item } of requestsOf(op)) {
        const { status, text } = await ask(op, caller, url);
        const found = foundIn(text, url);
        const say = (what: string): void => void wrong.push(`${op.id} ${url}: ${status}, ${what}`);
        const hidden = found.filter((one) => !caller.sees.includes(one.place));
        if (hidden.length > 0) say(`gives away ${hidden.map((one) => `${one.kind} ${one.place}`).join(", ")}`);
        if (!caller.isSuperAdmin && text.includes(planted.foreign)) say("gives away another workspace");
        if (status >= 500) say(text.slice(0, 200));
        const kinds = lists[op.id];
        if (kinds) {
          const due = items.filter((one) => kinds.includes(one.kind) && mayRead(caller, op, one));
          const missing = due.filter((one) => !text.includes(one.name));
          if (missing.length > 0) say(`lacks ${missing.map((one) => `${one.kind} ${one.place}`).join(", ")}`);
        }
        if (item === null || kinds) continue;
        const may = mayRead(caller, op, item);
        if (op.id in shows && may !== (status === 200 && text.includes(item.content)))
          say(`${may ? "does not show" : "shows"} ${item.kind} ${item.place}`);
        if (op.id in tells && may !== (status === 200))
          say(`${may ? "refuses" : "answers"} ${item.kind} ${item.place}`);
        const gated = (caller.isStranger || caller.isNarrowed) && [401, 403].includes(status);
        if (op.id in exists && !gated && text !== String(may)) say(`says ${text} of ${item.kind} ${item.place}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

test("whatever was made left an entry in the audit log, with who made it", async () => {
  const list = `/w/${workspace}/audit/list?per_page=1000&action_kind=Created`;
  const entries = await instance.json<{ resource: string; username: string }[]>("GET", list);
  const made = items.filter(({ kind }) => !["job", "flow_job", "draft"].includes(kind));
  const told = new Set(entries.filter(({ username }) => username === "admin").map(({ resource }) => resource));
  expect(made.filter(({ path }) => !told.has(path)).map(({ path }) => path)).toEqual([]);
});

describe("changes", () => {
  const state = async (): Promise<string> => {
    const query =
      "archive_type=tar&plain_secret=true&include_schedules=true&include_triggers=true&preserve_extra_perms=true";
    return instance.text("GET", `/w/${workspace}/workspaces/tarball?${query}`);
  };
  const readers = [
    "folder viewer",
    "developer",
    "operator",
    "outsider",
    "anonymous",
    "a token without scopes",
  ] as const;

  /** Answer as if the item were not there, which is no error to them, or are a reader's own to do. */
  const quiet: Record<string, RegExp> = {
    deleteApp: /^there is no app /,
    deleteFlowByPath: /^There is no flow /,
    cancelPersistentQueuedJobs: /^Cancelled 0 jobs /,
    // a draft is its writer's own
    updateDraft: /"status":"saved"/,
    // whoever sees a run may steer it, as they may cancel it
    setFlowUserState: /^set state x /,
  };

  test.each(readers)(
    "are refused to: %s, whatever the operation, and leave no trace",
    { timeout: 300_000 },
    async (who) => {
      const caller = callers[who] as CallerKind;
      const before = await state();
      const wrong: string[] = [];
      for (const op of changing) {
        for (const { url, item } of requestsOf(op)) {
          if (item === null) continue;
          const { status, text } = await ask(op, caller, url);
          const hidden = foundIn(text, url).filter((one) => !caller.sees.includes(one.place));
          if (hidden.length > 0) wrong.push(`${op.id} ${url}: gives away ${hidden.map((one) => one.path).join(", ")}`);
          if (status === 200 && quiet[op.id]?.test(text)) continue;
          if (status < 400 || status >= 500) wrong.push(`${op.id} ${url}: ${status} ${text.slice(0, 100)}`);
        }
      }
      expect(wrong).toEqual([]);
      expect((await state()) === before).toBe(true);
    },
  );

  test.each([
    ["folder writer", "open"],
    ["owner", "closed"],
    ["admin", "granted"],
  ] as const)("are done by a %s in the place %s, for every kind of item that can be deleted", async (who, place) => {
    const deletes = changing.filter(
      (op) => /\/(delete|archive)(\/p)?\/\{path\}$/.test(op.path) && /^(delete|archive)(?!ResourceType)/.test(op.id),
    );
    const done: string[] = [];
    for (const item of items.filter((one) => one.place === place)) {
      const op = deletes.find((one) => kindsOf(one).includes(item.kind));
      if (!op || item.kind === "folder") continue;
      const { status, text } = await ask(op, callers[who] as CallerKind, urlOf(op, item));
      expect([op.id, item.kind, status, text.startsWith("there is no")]).toEqual([op.id, item.kind, 200, false]);
      done.push(item.kind);
    }
    const kinds = ["script", "flow", "app", "raw_app", "variable", "secret", "resource", "schedule"];
    expect(done).toEqual(expect.arrayContaining([...kinds, ...triggerKinds.map((kind) => `${kind}_trigger`)]));
    const after = await state();
    const left = items.filter((one) => one.place === place && done.includes(one.kind) && after.includes(one.content));
    expect(left.map((one) => one.path)).toEqual([]);
  });
});
