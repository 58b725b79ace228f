import { jsonMembers, jsonObject, triggerDefaults, type Acl, type TriggerKind } from "@towermill/contract";
import { sql, type Queryable, type Sql } from "@towermill/store";
import { composeJson } from "../http/verbatim.ts";

export interface TriggerRow {
  workspace_id: string;
  path: string;
  script_path: string;
  is_flow: boolean;
  mode: string;
  /** JSON text of what the kind adds. */
  config: string;
  permissioned_as: string;
  email: string;
  labels: string[] | null;
  extra_perms: Acl;
  edited_by: string;
  edited_at: Date;
}

export function triggerTable(kind: TriggerKind): Sql {
  return sql.ident(`${kind}_trigger`);
}

export const triggerColumns = sql`
  t.workspace_id, t.path, t.script_path, t.is_flow, t.mode, t.config, t.permissioned_as, t.email, t.labels, t.extra_perms,
  t.edited_by, t.edited_at`;

export function triggerAt(
  db: Queryable,
  kind: TriggerKind,
  { workspace, path }: { workspace: string; path: string },
): Promise<TriggerRow | undefined> {
  return db.maybe<TriggerRow>(sql`
    select ${triggerColumns} from ${triggerTable(kind)} t where t.workspace_id = ${workspace} and t.path = ${path}`);
}

/** Nothing answers yet: what is stored here says so wherever it is shown. */
const nothingListens = "Stored only: nothing listens for this trigger in this version";

/** A trigger as the API shows it, as JSON text: what its kind adds goes out as it was sent. */
export function triggerJson({ config, ...fields }: TriggerRow): string {
  const shown = composeJson({ ...fields, ...(fields.mode === "enabled" ? { error: nothingListens } : {}) }, {});
  return jsonObject(new Map([...jsonMembers(config), ...jsonMembers(shown)]));
}

/** Fields of every kind, which have columns of their own, and fields that only the server sets. */
const notConfig = new Set([
  "path",
  "script_path",
  "is_flow",
  "mode",
  "enabled",
  "permissioned_as",
  "preserve_permissioned_as",
  "has_permissioned_as",
  "labels",
  "extra_perms",
  "workspace_id",
  "email",
  "edited_by",
  "edited_at",
  "error",
  "server_id",
  "last_server_ping",
  "is_draft",
  "draft_only",
]);

/** What a body says of its kind's own fields, with the kind's defaults; `kept` are present fields that stay unless sent. */
export function configFrom(
  kind: TriggerKind,
  bodyText: string,
  kept: readonly (readonly [string, string])[] = [],
): string {
  const own = [...jsonMembers(bodyText)].filter(([name]) => !notConfig.has(name));
  const defaults = Object.entries(triggerDefaults[kind]).map(([name, value]) => [name, JSON.stringify(value)] as const);
  return jsonObject(new Map([...defaults, ...kept, ...own]));
}

/** The address that only one trigger may have, and whether it is the workspace's own. */
export interface Claim {
  address: string | null;
  workspaced: boolean;
}

/** `:id` and `:name` in a route match the same requests. */
function normalised(route: string): string {
  return route.replace(/\/+$/, "").replace(/(^|\/):[^/]*/g, "$1:");
}

export function routeClaim(method: string, route: string, workspaced: boolean): Claim {
  return { address: `${method} ${normalised(route)}`, workspaced };
}

export function claimOf(kind: TriggerKind, config: string): Claim {
  const fields = JSON.parse(config) as Record<string, unknown>;
  if (kind === "http") {
    const workspaced = fields["workspaced_route"] === true;
    return routeClaim(String(fields["http_method"]), String(fields["route_path"] ?? ""), workspaced);
  }
  if (kind === "email") {
    return {
      address: String(fields["local_part"]).toLowerCase(),
      workspaced: fields["workspaced_local_part"] === true,
    };
  }
  return { address: null, workspaced: false };
}
