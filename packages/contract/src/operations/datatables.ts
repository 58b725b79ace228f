import { z } from "zod";
import { operation } from "../operation.ts";
import { inWorkspace, storable } from "./item.ts";
import { workspaceChange } from "./workspace-change.ts";

const reading = {
  method: "GET",
  tag: "Workspace",
  access: "member",
  scope: { domain: "workspaces", action: "read" },
  params: inWorkspace,
} as const;

const name = z.string().regex(/^[\w-]{1,100}$/, "is not a name: 1 to 100 letters, digits, _ or -");
const timestamp = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const code = storable.max(1_000_000);

const migration = z.object({
  datatable: z.string(),
  timestamp: z.number(),
  name: z.string(),
  code_up: z.string(),
  code_down: z.string().optional(),
});

/** Data tables are databases that a workspace names in its settings; here is what the workspace keeps of them. */
export const datatablesOperations = [
  operation({
    ...reading,
    id: "listDataTables",
    path: "/w/{workspace}/workspaces/list_datatables",
    summary: "Data tables that the settings of the workspace name",
    answer: z.array(
      z.object({
        name: z.string(),
        resource_type: z.string(),
        resource_path: z.string(),
        permissioned: z.boolean(),
      }),
    ),
  }),
  operation({
    ...reading,
    id: "listDucklakes",
    path: "/w/{workspace}/workspaces/list_ducklakes",
    summary: "Names of the ducklakes that the settings of the workspace name",
    answer: z.array(z.string()),
  }),
  operation({
    ...reading,
    id: "listDatatableMigrations",
    path: "/w/{workspace}/workspaces/list_datatable_migrations",
    summary: "Migrations of data tables as they are kept, in their order",
    answer: z.array(migration),
  }),
  operation({
    ...workspaceChange,
    id: "upsertDatatableMigration",
    method: "POST",
    path: "/w/{workspace}/workspaces/upsert_datatable_migration/{datatable_name}",
    summary: "Keep a migration of a data table; it is not run",
    params: inWorkspace.extend({ datatable_name: name }),
    body: z.object({ timestamp, name, code_up: code, code_down: code.nullish() }),
  }),
  operation({
    ...workspaceChange,
    id: "deleteDatatableMigration",
    method: "DELETE",
    path: "/w/{workspace}/workspaces/delete_datatable_migration/{datatable_name}/{timestamp}",
    summary: "Forget a migration of a data table; what it did stays",
    params: inWorkspace.extend({ datatable_name: name, timestamp }),
  }),
] as const;
