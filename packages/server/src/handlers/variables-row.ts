import type { Acl, AnswerOf, variablesOperations } from "@towermill/contract";
import { sql } from "@towermill/store";

export interface VariableRow {
  workspace_id: string;
  path: string;
  value: string;
  is_secret: boolean;
  description: string;
  account: number | null;
  is_oauth: boolean;
  expires_at: Date | null;
  labels: string[] | null;
  ws_specific: boolean;
  extra_perms: Acl;
  edited_by: string | null;
  edited_at: Date;
  is_linked: boolean;
}

/**
 * Columns of a {@link VariableRow}, from `variable v`. With `exists` PostgreSQL would hash all resources for a page of
 * variables; a scalar subquery is looked up row by row.
 */
export const variableColumns = sql`
  v.workspace_id, v.path, v.value, v.is_secret, v.description, v.account, v.is_oauth, v.expires_at, v.labels, v.ws_specific,
  v.extra_perms, v.edited_by, v.edited_at,
  (select true from resource r where r.workspace_id = v.workspace_id and r.path = v.path) is not null as is_linked`;

export type ListedVariable = AnswerOf<Extract<(typeof variablesOperations)[number], { id: "listVariable" }>>[number];

/** A variable as the API shows it; unset fields are absent, and the value is whatever the caller may see. */
export function listedVariable(row: VariableRow, value: string | undefined, now: Date): ListedVariable {
  return {
    workspace_id: row.workspace_id,
    path: row.path,
    ...(value === undefined ? {} : { value }),
    is_secret: row.is_secret,
    description: row.description,
    ...(row.account === null ? {} : { account: row.account, is_refreshed: true }),
    is_oauth: row.is_oauth,
    extra_perms: { ...row.extra_perms },
    ...(row.expires_at === null ? {} : { expires_at: row.expires_at.toISOString(), is_expired: row.expires_at <= now }),
    is_linked: row.is_linked,
    ...(row.labels === null ? {} : { labels: row.labels }),
    ...(row.ws_specific ? { ws_specific: true } : {}),
    edited_at: row.edited_at.toISOString(),
    ...(row.edited_by === null ? {} : { edited_by: row.edited_by }),
  };
}
