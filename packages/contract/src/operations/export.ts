import { z } from "zod";
import { operation } from "../operation.ts";
import { flag } from "../query.ts";
import { inWorkspace, storable } from "./item.ts";

export const exportQuery = z.object({
  archive_type: storable.optional(),
  plain_secret: flag,
  plain_secrets: flag,
  skip_variables: flag,
  skip_resources: flag,
  skip_resource_types: flag,
  skip_secrets: flag,
  include_schedules: flag,
  include_triggers: flag,
  include_users: flag,
  include_groups: flag,
  include_settings: flag,
  include_key: flag,
  include_workspace_dependencies: flag,
  skip_datatable_migrations: flag,
  default_ts: z.enum(["bun", "deno"]).optional(),
  settings_version: storable.optional(),
  preserve_extra_perms: flag,
  sync_behavior_version: storable.optional(),
});

export type ExportQuery = z.output<typeof exportQuery>;

export const exportOperations = [
  operation({
    id: "exportWorkspace",
    method: "GET",
    path: "/w/{workspace}/workspaces/tarball",
    tag: "Workspace",
    summary: "The workspace as an archive of files, as far as the caller may read it",
    access: "member",
    scope: { domain: "workspaces", action: "read" },
    params: inWorkspace,
    query: exportQuery,
    answer: z.unknown(),
    media: "binary",
    extension: true,
  }),
] as const;
