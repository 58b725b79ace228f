import type { Choice, Member } from "@towermill/contract";
import { sql, type Sql } from "@towermill/store";
import { startsWith, visible } from "../http/visibility.ts";
import { starredBy } from "./row.ts";

/** What lists of scripts may be narrowed by; absent = not narrowed. */
export interface ScriptFilter {
  created_by?: Choice | undefined;
  path_start?: string | undefined;
  path_exact?: string | undefined;
  first_parent_hash?: string | undefined;
  last_parent_hash?: string | undefined;
  parent_hash?: string | undefined;
  show_archived?: boolean | undefined;
  include_without_main?: boolean | undefined;
  include_draft_only?: boolean | undefined;
  is_template?: boolean | undefined;
  kinds?: string | undefined;
  languages?: string | undefined;
  starred_only?: boolean | undefined;
  dedicated_worker?: boolean | undefined;
  label?: string | undefined;
}

export interface ListedScriptRow {
  hash: string | null;
  path: string;
  summary: string;
  description: string;
  created_by: string;
  created_at: Date;
  language: string;
  kind: string;
  options: Record<string, unknown>;
  extra_perms: Record<string, boolean>;
  is_template: boolean;
  archived: boolean;
  draft_only: boolean;
  has_deploy_errors: boolean;
  deployment_msg: string | null;
  starred: boolean;
  is_draft: boolean;
  draft_users: string[] | null;
}

interface Who {
  member: Member;
  /** Path patterns of the caller's scopes; `null` = not narrowed. */
  patterns: readonly string[] | null;
}

function commaList(text: string): string[] {
  return text.split(",").filter((item) => item !== "");
}

function chosen(column: Sql, { values, negated }: Choice): Sql {
  return negated ? sql`not (${column} = any(${values}::text[]))` : sql`${column} = any(${values}::text[])`;
}

/** Conditions on what a deployed script and a draft have in common. */
function common(filter: ScriptFilter): Sql[] {
  const found: Sql[] = [];
  if (filter.path_start !== undefined) found.push(startsWith(sql`s.path`, filter.path_start));
  if (filter.path_exact !== undefined) found.push(sql`s.path = ${filter.path_exact}`);
  if (filter.created_by) found.push(chosen(sql`s.created_by`, filter.created_by));
  if (filter.kinds !== undefined) found.push(sql`s.kind = any(${commaList(filter.kinds)}::text[])`);
  if (filter.languages !== undefined) found.push(sql`s.language = any(${commaList(filter.languages)}::text[])`);
  return found;
}

function conditions({ member, patterns }: Who, filter: ScriptFilter): Sql[] {
  const found = [
    sql`s.workspace_id = ${member.workspace} and not s.deleted`,
    visible(member, patterns, { path: sql`s.path`, extraPerms: sql`s.extra_perms` }),
    filter.show_archived ? newestArchived : sql`not s.archived`,
    ...common(filter),
  ];
  if (!filter.include_without_main) found.push(sql`s.options->>'auto_kind' is distinct from 'lib'`);
  if (filter.first_parent_hash !== undefined) found.push(sql`s.parent_hashes[1] = ${filter.first_parent_hash}`);
  if (filter.last_parent_hash !== undefined)
    found.push(sql`s.parent_hashes[cardinality(s.parent_hashes)] = ${filter.last_parent_hash}`);
  if (filter.parent_hash !== undefined) found.push(sql`${filter.parent_hash} = any(s.parent_hashes)`);
  if (filter.is_template !== undefined) found.push(sql`s.is_template = ${filter.is_template}`);
  if (filter.starred_only) found.push(starredBy(member.username, sql`s.path`));
  if (filter.dedicated_worker !== undefined) {
    found.push(sql`coalesce((s.options->>'dedicated_worker')::boolean, false) = ${filter.dedicated_worker}`);
  }
  if (filter.label !== undefined) found.push(sql`s.options->'labels' ? ${filter.label}`);
  return found;
}

/** Paths with nothing deployed any more, by their newest version. */
const newestArchived = sql`s.archived and not exists (
  select 1 from script n where n.workspace_id = s.workspace_id and n.path = s.path and not n.deleted
    and (not n.archived or (n.created_at, n.hash) > (s.created_at, s.hash)))`;

const ownDrafts = (member: Member): Sql => sql`
  select d.workspace_id, null::text as hash, d.path, coalesce(d.value->>'summary', '') as summary,
    coalesce(d.value->>'description', '') as description, ${member.username}::text as created_by, d.edited_at as created_at,
    coalesce(d.value->>'language', 'bun') as language, coalesce(d.value->>'kind', 'script') as kind, '{}'::jsonb as options,
    '{}'::jsonb as extra_perms, false as is_template, false as archived, true as draft_only, false as has_deploy_errors,
    null::text as deployment_msg
  from draft d where d.workspace_id = ${member.workspace} and d.kind = 'script' and d.email = ${member.email}
    and not exists (select 1 from script n where n.workspace_id = d.workspace_id and n.path = d.path and not n.archived and not n.deleted)`;

function wantsDrafts(member: Member, filter: ScriptFilter): boolean {
  const narrowed = filter.show_archived || filter.starred_only || filter.label !== undefined || filter.dedicated_worker;
  const byVersion = filter.first_parent_hash ?? filter.last_parent_hash ?? filter.parent_hash;
  return filter.include_draft_only === true && !narrowed && byVersion === undefined && !member.isOperator;
}

/**
 * Scripts a member may read, as a relation `s` of {@link ListedScriptRow}s and their `workspace_id`: one row per path,
 * the deployed version, or with `include_draft_only` the member's own draft where nothing is deployed.
 */
export function listedScripts(who: Who, filter: ScriptFilter): Sql {
  const { member } = who;
  const deployed = sql`
    select s.workspace_id, s.hash, s.path, s.summary, s.description, s.created_by, s.created_at, s.language, s.kind, s.options,
      s.extra_perms, s.is_template, s.archived, s.draft_only, s.lock_error_logs is not null as has_deploy_errors, s.deployment_msg
    from script s where ${sql.join(conditions(who, filter), sql` and `)}`;
  const drafts = sql`
    union all select * from (${ownDrafts(member)}) s
    where ${sql.join([visible(member, who.patterns, { path: sql`s.path`, extraPerms: sql`s.extra_perms` }), ...common(filter)], sql` and `)}`;
  return sql`
    select s.*, ${starredBy(member.username, sql`s.path`)} as starred,
      exists (select 1 from draft d where d.workspace_id = s.workspace_id and d.kind = 'script' and d.path = s.path
        and d.email = ${member.email}) as is_draft,
      (select array_agg(m.username order by m.username) from draft d
        left join member m on m.workspace_id = d.workspace_id and m.email = d.email
        where d.workspace_id = s.workspace_id and d.kind = 'script' and d.path = s.path) as draft_users
    from (${deployed} ${wantsDrafts(member, filter) ? drafts : sql.empty}) s`;
}
