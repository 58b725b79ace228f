import type { Choice, Member } from "@towermill/contract";
import { sql, type Sql } from "@towermill/store";
import { startsWith, visible } from "../http/visibility.ts";
import { starredBy } from "./row.ts";

/** What lists of flows may be narrowed by; absent = not narrowed. */
export interface FlowFilter {
  created_by?: Choice | undefined;
  path_start?: string | undefined;
  path_exact?: string | undefined;
  show_archived?: boolean | undefined;
  include_draft_only?: boolean | undefined;
  starred_only?: boolean | undefined;
  dedicated_worker?: boolean | undefined;
  label?: string | undefined;
}

interface Who {
  member: Member;
  /** Path patterns of the caller's scopes; `null` = not narrowed. */
  patterns: readonly string[] | null;
}

/** Conditions on what a deployed flow and a draft have in common. */
function common({ member, patterns }: Who, filter: FlowFilter): Sql[] {
  const found = [visible(member, patterns, { path: sql`s.path`, extraPerms: sql`s.extra_perms` })];
  if (filter.path_start !== undefined) found.push(startsWith(sql`s.path`, filter.path_start));
  if (filter.path_exact !== undefined) found.push(sql`s.path = ${filter.path_exact}`);
  if (filter.created_by) {
    const { values, negated } = filter.created_by;
    const hit = sql`s.edited_by = any(${values}::text[])`;
    found.push(negated ? sql`not (${hit})` : hit);
  }
  return found;
}

function conditions(who: Who, filter: FlowFilter): Sql {
  const found = [
    sql`s.workspace_id = ${who.member.workspace}`,
    filter.show_archived ? sql`s.archived` : sql`not s.archived`,
    ...common(who, filter),
  ];
  if (!filter.include_draft_only) found.push(sql`not s.draft_only`);
  if (filter.starred_only) found.push(starredBy(who.member.username, sql`s.path`));
  if (filter.dedicated_worker !== undefined) {
    found.push(sql`coalesce((s.options->>'dedicated_worker')::boolean, false) = ${filter.dedicated_worker}`);
  }
  if (filter.label !== undefined) found.push(sql`s.options->'labels' ? ${filter.label}`);
  return sql.join(found, sql` and `);
}

const ownDrafts = (member: Member): Sql => sql`
  select d.workspace_id, d.path, coalesce(d.value->>'summary', '') as summary, coalesce(d.value->>'description', '') as description,
    ${member.username}::text as edited_by, d.edited_at, '{}'::jsonb as options, '{}'::jsonb as extra_perms, false as archived,
    true as draft_only, null::bigint as version, false as has_deploy_errors
  from draft d where d.workspace_id = ${member.workspace} and d.kind = 'flow' and d.email = ${member.email}
    and not exists (select 1 from flow n where n.workspace_id = d.workspace_id and n.path = d.path)`;

function wantsDrafts(member: Member, filter: FlowFilter): boolean {
  const narrowed = filter.show_archived || filter.starred_only || filter.label !== undefined || filter.dedicated_worker;
  return filter.include_draft_only === true && !narrowed && !member.isOperator;
}

export interface ListedFlowRow {
  workspace_id: string;
  path: string;
  summary: string;
  description: string;
  edited_by: string;
  edited_at: Date;
  options: Record<string, unknown>;
  extra_perms: Record<string, boolean>;
  archived: boolean;
  draft_only: boolean;
  version: number | null;
  has_deploy_errors: boolean;
  starred: boolean;
  is_draft: boolean;
  draft_users: string[] | null;
}

/**
 * Flows a member may read, as a relation `s` of {@link ListedFlowRow}s: one row per path, or with `include_draft_only` the
 * member's own draft where there is no flow.
 */
export function listedFlows(who: Who, filter: FlowFilter): Sql {
  const { member } = who;
  const deployed = sql`
    select s.workspace_id, s.path, s.summary, s.description, s.edited_by, s.edited_at, s.options, s.extra_perms, s.archived,
      s.draft_only, s.version, s.lock_error_logs is not null as has_deploy_errors
    from flow s where ${conditions(who, filter)}`;
  const drafts = sql`
    union all select * from (${ownDrafts(member)}) s where ${sql.join(common(who, filter), sql` and `)}`;
  return sql`
    select s.*, ${starredBy(member.username, sql`s.path`)} as starred,
      exists (select 1 from draft d where d.workspace_id = s.workspace_id and d.kind = 'flow' and d.path = s.path
        and d.email = ${member.email}) as is_draft,
      (select array_agg(m.username order by m.username) from draft d
        left join member m on m.workspace_id = d.workspace_id and m.email = d.email
        where d.workspace_id = s.workspace_id and d.kind = 'flow' and d.path = s.path) as draft_users
    from (${deployed} ${wantsDrafts(member, filter) ? drafts : sql.empty}) s`;
}
