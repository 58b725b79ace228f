import type { Acl } from "@towermill/contract";
import { sql, type Queryable, type Sql } from "@towermill/store";
import { composeJson } from "../http/verbatim.ts";

export interface FlowRow {
  workspace_id: string;
  path: string;
  summary: string;
  description: string;
  /** JSON text, as it was sent. */
  value: string;
  /** JSON text. */
  schema: string | null;
  options: Record<string, unknown>;
  extra_perms: Acl;
  archived: boolean;
  draft_only: boolean;
  /** `null` = only a draft. */
  version: number | null;
  lock_error_logs: string | null;
  /** The job that resolves, or resolved, the dependencies of inline scripts. */
  dependency_job: string | null;
  edited_by: string;
  edited_at: Date;
}

const columns = sql`
  s.workspace_id, s.path, s.summary, s.description, s.value, s.schema, s.options, s.extra_perms, s.archived, s.draft_only,
  s.version, s.lock_error_logs, s.dependency_job, s.edited_by, s.edited_at`;

/** The flow at a path, archived or not. */
export function flowAt(db: Queryable, workspace: string, path: string): Promise<FlowRow | undefined> {
  return db.maybe<FlowRow>(sql`select ${columns} from flow s where s.workspace_id = ${workspace} and s.path = ${path}`);
}

export interface VersionRow {
  id: number;
  path: string;
  value: string;
  schema: string | null;
  deployment_msg: string | null;
  created_by: string;
  created_at: Date;
}

export function versionOf(db: Queryable, workspace: string, version: number): Promise<VersionRow | undefined> {
  return db.maybe<VersionRow>(sql`
    select id, path, value, schema, deployment_msg, created_by, created_at from flow_version
    where workspace_id = ${workspace} and id = ${version}`);
}

/** Whether a member starred a flow, as a column. */
export function starredBy(username: string, path: Sql): Sql {
  return sql`exists (select 1 from favorite f
    where f.workspace_id = s.workspace_id and f.username = ${username} and f.kind = 'flow' and f.path = ${path})`;
}

/** A flow as the API shows it, as JSON text: its value and schema go out exactly as they were stored. */
export function flowJson(row: FlowRow, starred: boolean): string {
  const { value, schema, options, version, dependency_job: _, draft_only, ...fields } = row;
  return composeJson(
    { ...options, ...fields, ...(draft_only ? { draft_only } : {}), version_id: version, starred },
    { value, schema },
  );
}
