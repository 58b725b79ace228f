import type { Acl } from "@towermill/contract";
import { sql, type Queryable, type Sql } from "@towermill/store";
import { composeJson } from "../http/verbatim.ts";

export interface ScriptRow {
  workspace_id: string;
  hash: string;
  path: string;
  parent_hashes: string[];
  summary: string;
  description: string;
  content: string;
  language: string;
  kind: string;
  /** JSON text. */
  schema: string | null;
  /** `null` = a dependency job still has to write it, `""` = none needed. */
  lock: string | null;
  lock_error_logs: string | null;
  lock_job: string | null;
  options: Record<string, unknown>;
  extra_perms: Acl;
  is_template: boolean;
  draft_only: boolean;
  archived: boolean;
  deleted: boolean;
  deployment_msg: string | null;
  created_by: string;
  created_at: Date;
}

const columns = sql`
  s.workspace_id, s.hash, s.path, s.parent_hashes, s.summary, s.description, s.content, s.language, s.kind, s.schema, s.lock,
  s.lock_error_logs, s.lock_job, s.options, s.extra_perms, s.is_template, s.draft_only, s.archived, s.deleted,
  s.deployment_msg, s.created_by, s.created_at`;

/** The deployed version at a path; without one, the newest that was archived there. */
export function newestAt(db: Queryable, workspace: string, path: string): Promise<ScriptRow | undefined> {
  return db.maybe<ScriptRow>(sql`
    select ${columns} from script s where s.workspace_id = ${workspace} and s.path = ${path} and not s.deleted
    order by s.archived, s.created_at desc, s.hash limit 1`);
}

/** The deployed version at a path. */
export function headAt(db: Queryable, workspace: string, path: string): Promise<ScriptRow | undefined> {
  return db.maybe<ScriptRow>(sql`
    select ${columns} from script s
    where s.workspace_id = ${workspace} and s.path = ${path} and not s.archived and not s.deleted`);
}

export function versionOf(db: Queryable, workspace: string, hash: string): Promise<ScriptRow | undefined> {
  return db.maybe<ScriptRow>(
    sql`select ${columns} from script s where s.workspace_id = ${workspace} and s.hash = ${hash}`,
  );
}

/** Whether a member starred a script, as a column. */
export function starredBy(username: string, path: Sql): Sql {
  return sql`exists (select 1 from favorite f
    where f.workspace_id = s.workspace_id and f.username = ${username} and f.kind = 'script' and f.path = ${path})`;
}

/** A script as the API shows it, as JSON text: its schema goes out exactly as it was stored. */
export function scriptJson(row: ScriptRow, starred: boolean): string {
  const { schema, options, lock_job: _, parent_hashes, draft_only, deployment_msg: __, ...fields } = row;
  const { assets: ___, ...shown } = options;
  return composeJson(
    {
      ws_error_handler_muted: false,
      has_preprocessor: false,
      ...shown,
      ...fields,
      ...(parent_hashes.length > 0 ? { parent_hashes } : {}),
      ...(draft_only ? { draft_only } : {}),
      starred,
    },
    { schema },
  );
}
