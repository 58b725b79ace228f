import { z } from "zod";
import { operation } from "../operation.ts";
import { flag, paging } from "../query.ts";
import { acl, atPath, inWorkspace, labels, storable } from "./item.ts";

const read = { domain: "apps", action: "read" } as const;
const write = { domain: "apps", action: "write" } as const;
const reading = { method: "GET", tag: "App", access: "member", scope: read } as const;
const writing = { tag: "App", access: "developer", scope: write } as const;

const policy = z.record(z.string(), z.unknown());

export const newApp = z.object({
  path: storable,
  value: z.unknown(),
  summary: storable.nullish(),
  policy: policy.nullish(),
  deployment_message: storable.nullish(),
  custom_path: storable.nullish(),
  preserve_on_behalf_of: z.boolean().nullish(),
  labels,
  skip_draft_deletion: z.boolean().nullish(),
});

export const editApp = z.object({
  path: storable.nullish(),
  value: z.unknown().optional(),
  summary: storable.nullish(),
  policy: policy.nullish(),
  deployment_message: storable.nullish(),
  custom_path: storable.nullish(),
  preserve_on_behalf_of: z.boolean().nullish(),
  labels,
  skip_draft_deletion: z.boolean().nullish(),
  allow_kind_change: z.boolean().nullish(),
});

export type NewApp = z.output<typeof newApp>;
export type EditApp = z.output<typeof editApp>;

export const deployedApp = z.object({ path: z.string(), version: z.number() });

const app = z
  .object({
    id: z.number(),
    workspace_id: z.string(),
    path: z.string(),
    summary: z.string(),
    versions: z.array(z.number()),
    created_by: z.string(),
    created_at: z.string(),
    value: z.unknown(),
    policy,
    execution_mode: z.string(),
    extra_perms: acl,
    custom_path: z.string().optional(),
    raw_app: z.boolean(),
    bundle_secret: z.string().optional(),
    labels: z.array(z.string()).optional(),
  })
  .loose();

const version = z.object({
  version: z.number(),
  deployment_msg: z.string().optional(),
  created_at: z.string().optional(),
  created_by: z.string().optional(),
});

const versionId = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

export const appsOperations = [
  operation({
    ...writing,
    id: "createApp",
    method: "POST",
    path: "/w/{workspace}/apps/create",
    summary: "Create an app; its value is kept as it is sent",
    params: inWorkspace,
    body: newApp,
    answer: z.string(),
    status: 201,
    media: "text",
    mcp: { instructions: "Creates an app from its value (grid, hidden inline scripts, css, theme) and policy." },
  }),
  operation({
    ...writing,
    id: "updateApp",
    method: "POST",
    path: "/w/{workspace}/apps/update/{path}",
    summary: "Change an app, or move it; what is left out stays. A new value makes a new version",
    params: atPath,
    body: editApp,
    answer: deployedApp,
    mcp: { instructions: "Changes the given fields of an app; a new value makes a new version.", idempotent: true },
  }),
  operation({
    ...writing,
    id: "deleteApp",
    method: "DELETE",
    path: "/w/{workspace}/apps/delete/{path}",
    summary: "Move an app with its versions to the trash",
    params: atPath,
    answer: z.string(),
    media: "text",
    mcp: { instructions: "Deletes an app; it stays in the trash for three days.", destructive: true },
  }),
  operation({
    ...reading,
    id: "getAppByPath",
    path: "/w/{workspace}/apps/get/p/{path}",
    summary: "An app with its newest version",
    params: atPath,
    query: z.object({ with_starred_info: flag, get_draft: flag, raw_app: flag }),
    answer: app,
    mcp: { instructions: "Reads an app with its value and policy.", readOnly: true },
  }),
  operation({
    ...reading,
    id: "getAppLiteByPath",
    path: "/w/{workspace}/apps/get/lite/{path}",
    summary: "An app without its value",
    params: atPath,
    answer: app,
  }),
  operation({
    ...reading,
    id: "getAppByVersion",
    narrows: true,
    path: "/w/{workspace}/apps/get/v/{id}",
    summary: "An app as one of its versions was",
    params: z.object({ workspace: storable, id: versionId }),
    answer: app,
  }),
  operation({
    ...reading,
    id: "existsApp",
    path: "/w/{workspace}/apps/exists/{path}",
    summary: "Whether an app exists",
    params: atPath,
    answer: z.boolean(),
  }),
  operation({
    ...reading,
    id: "listApps",
    narrows: true,
    path: "/w/{workspace}/apps/list",
    summary: "The apps one may read",
    params: inWorkspace,
    query: z.object({
      ...paging,
      order_desc: flag,
      created_by: storable.optional(),
      path_start: storable.optional(),
      path_exact: storable.optional(),
      starred_only: flag,
      include_draft_only: flag,
      with_deployment_msg: flag,
      label: storable.optional(),
    }),
    answer: z.array(z.unknown()),
    mcp: { instructions: "Lists apps; filter with path_start.", readOnly: true },
  }),
  operation({
    ...reading,
    id: "listSearchApp",
    narrows: true,
    path: "/w/{workspace}/apps/list_search",
    summary: "Paths and the beginning of the values of apps, for a search box",
    params: inWorkspace,
    answer: z.array(z.object({ path: z.string(), value: z.string(), truncated: z.boolean() })),
  }),
  operation({
    ...reading,
    id: "getAppHistoryByPath",
    path: "/w/{workspace}/apps/history/p/{path}",
    summary: "The versions of an app, newest first",
    params: atPath,
    query: z.object({ ...paging }),
    answer: z.array(version),
  }),
  operation({
    ...reading,
    id: "getAppLatestVersion",
    path: "/w/{workspace}/apps/get_latest_version/{path}",
    summary: "The newest version of an app",
    params: atPath,
    answer: version,
  }),
  operation({
    ...writing,
    id: "updateAppHistory",
    method: "POST",
    path: "/w/{workspace}/apps/history_update/a/{id}/v/{version}",
    summary: "Set the deployment message of a version",
    params: z.object({ workspace: storable, id: versionId, version: versionId }),
    body: z.object({ deployment_msg: storable.nullish() }),
    answer: z.string(),
    media: "text",
  }),
  operation({
    ...reading,
    id: "listAppPathsFromWorkspaceRunnable",
    path: "/w/{workspace}/apps/list_paths_from_workspace_runnable/{runnable_kind}/{path}",
    summary: "The apps that use a script or flow",
    params: z.object({ workspace: storable, runnable_kind: z.enum(["script", "flow"]), path: storable }),
    answer: z.array(z.string()),
  }),
  operation({
    ...reading,
    id: "customPathExists",
    path: "/w/{workspace}/apps/custom_path_exists/{custom_path}",
    summary: "Whether an app has this custom path",
    params: z.object({ workspace: storable, custom_path: storable }),
    answer: z.boolean(),
  }),
] as const;
