import type { Acl } from "@towermill/contract";
import { sql } from "@towermill/store";
import { composeJson } from "../http/verbatim.ts";

export interface ResourceRow {
  workspace_id: string;
  path: string;
  value: string | null;
  description: string | null;
  resource_type: string;
  is_oauth: boolean;
  labels: string[] | null;
  ws_specific: boolean;
  extra_perms: Acl;
  created_by: string | null;
  edited_at: Date;
  account: number | null;
  is_linked: boolean;
}

/** Columns of a {@link ResourceRow}, from `resource r left join variable v` of the same path. */
export const resourceColumns = sql`
  r.workspace_id, r.path, r.value, r.description, r.resource_type, r.is_oauth, r.labels, r.ws_specific, r.extra_perms,
  r.created_by, r.edited_at, v.account, v.path is not null as is_linked`;

export const resourceTables = sql`
  resource r left join variable v on v.workspace_id = r.workspace_id and v.path = r.path`;

/** A resource as the API shows it, as JSON text: its value goes out exactly as it was stored. */
export function resourceJson(row: ResourceRow): string {
  const { value, account, ws_specific, ...fields } = row;
  return composeJson(
    { ...fields, account, is_refreshed: account !== null, ...(ws_specific ? { ws_specific } : {}) },
    { value },
  );
}
