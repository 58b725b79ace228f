import { z } from "zod";
import { operation } from "../operation.ts";
import { flag, paging } from "../query.ts";
import { deployedApp, editApp, newApp } from "./apps.ts";
import { atPath, inWorkspace, storable } from "./item.ts";

const read = { domain: "apps", action: "read" } as const;
const write = { domain: "apps", action: "write" } as const;
const writing = { method: "POST", tag: "App", access: "developer", scope: write } as const;

const source = z.object({
  files: z.record(storable, storable),
  runnables: z.record(z.string(), z.unknown()).nullish(),
  data: z.record(z.string(), z.unknown()).nullish(),
});

export const rawAppsOperations = [
  operation({
    ...writing,
    id: "createAppRaw",
    path: "/w/{workspace}/apps/create_raw",
    summary: "Create an app of one's own code: multipart parts `app` (JSON), `js` and `css` (its bundle)",
    params: inWorkspace,
    body: "raw",
    answer: z.string(),
    status: 201,
    media: "text",
  }),
  operation({
    ...writing,
    id: "updateAppRaw",
    path: "/w/{workspace}/apps/update_raw/{path}",
    summary: "Change an app of one's own code: multipart parts `app` (JSON), `js` and `css` (its bundle)",
    params: atPath,
    body: "raw",
    answer: deployedApp,
  }),
  operation({
    ...writing,
    id: "createAppRawSource",
    path: "/w/{workspace}/apps/create_raw_source",
    summary: "Create an app of one's own code without a bundle",
    params: inWorkspace,
    body: newApp.extend({ value: source }),
    answer: z.string(),
    status: 201,
    media: "text",
  }),
  operation({
    ...writing,
    id: "updateAppRawSource",
    path: "/w/{workspace}/apps/update_raw_source/{path}",
    summary: "Change the code of an app; its bundle goes",
    params: atPath,
    body: editApp.extend({ value: source }),
    answer: deployedApp,
  }),
  operation({
    id: "listRawApps",
    narrows: true,
    method: "GET",
    path: "/w/{workspace}/raw_apps/list",
    tag: "RawApp",
    summary: "The apps of own code one may read",
    access: "member",
    scope: read,
    params: inWorkspace,
    query: z.object({
      ...paging,
      order_desc: flag,
      created_by: storable.optional(),
      path_start: storable.optional(),
      path_exact: storable.optional(),
      starred_only: flag,
      include_draft_only: flag,
      label: storable.optional(),
    }),
    answer: z.array(z.unknown()),
  }),
  operation({
    id: "getRawAppData",
    method: "GET",
    path: "/w/{workspace}/apps/get_data/v/{secretWithExtension}",
    tag: "App",
    summary: "The bundle of a version of an app, by its secret and `.js` or `.css`",
    access: "member",
    scope: read,
    params: z.object({ workspace: storable, secretWithExtension: storable }),
    answer: z.string(),
    media: "text",
  }),
  operation({
    id: "getPublicSecretOfLatestVersionOfApp",
    method: "GET",
    path: "/w/{workspace}/apps/secret_of_latest_version/{path}",
    tag: "App",
    summary: "The secret of the bundle of an app's newest version",
    access: "member",
    scope: read,
    params: atPath,
    answer: z.string(),
    media: "text",
  }),
] as const;
