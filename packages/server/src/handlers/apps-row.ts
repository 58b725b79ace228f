import { jsonMembers, type Acl } from "@towermill/contract";
import { sql, type Queryable, type Sql } from "@towermill/store";
import { composeJson } from "../http/verbatim.ts";

export interface AppRow {
  workspace_id: string;
  path: string;
  id: number;
  summary: string;
  custom_path: string | null;
  /** JSON text. */
  policy: string;
  raw_app: boolean;
  labels: string[] | null;
  extra_perms: Acl;
  version: number;
  /** JSON text; absent where it was not asked for. */
  value?: string;
  versions: number[];
  deployment_msg: string | null;
  created_by: string;
  created_at: Date;
}

const columns = sql`
  a.workspace_id, a.path, a.id, a.summary, a.custom_path, a.policy, a.raw_app, a.labels, a.extra_perms, v.id as version,
  v.deployment_msg, v.created_by, v.created_at`;

/** Every app with its newest version, as `a` and `v`. */
export const newestVersions = sql`app a join app_version v on v.id = a.version`;

const everyVersion = sql`
  array(select n.id from app_version n where n.app_id = a.id order by n.id) as versions`;

/** Columns of an {@link AppRow} without value and versions, from {@link newestVersions}. */
export const listedAppColumns = columns;

export function appAt(db: Queryable, workspace: string, path: string): Promise<AppRow | undefined> {
  return db.maybe<AppRow>(sql`
    select ${columns}, v.value, ${everyVersion} from ${newestVersions}
    where a.workspace_id = ${workspace} and a.path = ${path}`);
}

export function appWith(db: Queryable, workspace: string, condition: Sql): Promise<AppRow | undefined> {
  return db.maybe<AppRow>(sql`
    select ${columns}, v.value, ${everyVersion} from app a join app_version v on v.app_id = a.id
    where a.workspace_id = ${workspace} and ${condition}`);
}

/** Who an app's components run as; `publisher` unless the policy says otherwise. */
export function executionMode(policy: string): string {
  const mode: unknown = JSON.parse(jsonMembers(policy).get("execution_mode") ?? "null");
  return typeof mode === "string" ? mode : "publisher";
}

/** An app as the API shows it, as JSON text: value and policy go out exactly as they were stored. */
export function appJson(row: AppRow, more: Readonly<Record<string, unknown>> = {}): string {
  const { value, policy, version: _, deployment_msg: __, ...fields } = row;
  return composeJson({ ...fields, execution_mode: executionMode(policy), ...more }, { policy, value });
}
