import { jsonMembers, type appsOperations } from "@towermill/contract";
import { sql, type Database, type Sql } from "@towermill/store";
import type { Call } from "../http/call.ts";
import { patternsOf } from "../http/item.ts";
import { limitTo } from "../http/page.ts";
import { startsWith, visible } from "../http/visibility.ts";
import { executionMode, listedAppColumns, newestVersions, type AppRow } from "./apps-row.ts";

type ListCall = Call<Extract<(typeof appsOperations)[number], { id: "listApps" }>>;

/** What the list of apps and the list of apps of own code have in common. */
export type AppsListCall = Pick<ListCall, "member" | "caller" | "request"> & {
  query: Omit<ListCall["query"], "with_deployment_msg"> & { with_deployment_msg?: boolean | undefined };
};

/** Condition for the apps a caller may read. */
export function shownApps({ member, caller }: Pick<ListCall, "member" | "caller">): Sql {
  const columns = { path: sql`a.path`, extraPerms: sql`a.extra_perms` };
  return sql`a.workspace_id = ${member.workspace} and ${visible(member, patternsOf(caller, "apps"), columns)}`;
}

function filters({ member, query }: AppsListCall, rawOnly: boolean): Sql {
  const found: Sql[] = [];
  if (rawOnly) found.push(sql`a.raw_app`);
  if (query.created_by !== undefined) found.push(sql`v.created_by = ${query.created_by}`);
  if (query.path_start !== undefined) found.push(startsWith(sql`a.path`, query.path_start));
  if (query.path_exact !== undefined) found.push(sql`a.path = ${query.path_exact}`);
  if (query.label !== undefined) found.push(sql`${query.label} = any(a.labels)`);
  if (query.starred_only) found.push(starredBy(member.username));
  return found.length === 0 ? sql.empty : sql`and ${sql.join(found, sql` and `)}`;
}

/** Whether a member starred an app, as a column. */
export function starredBy(username: string): Sql {
  return sql`exists (select 1 from favorite f where f.workspace_id = a.workspace_id and f.username = ${username}
    and f.kind in ('app', 'raw_app') and f.path = a.path)`;
}

function listed(row: AppRow & { starred: boolean; is_draft: boolean }, withMessage: boolean) {
  return {
    id: row.id,
    workspace_id: row.workspace_id,
    path: row.path,
    summary: row.summary,
    version: row.version,
    extra_perms: row.extra_perms,
    starred: row.starred,
    edited_at: row.created_at.toISOString(),
    execution_mode: executionMode(row.policy),
    raw_app: row.raw_app,
    ...(row.labels === null ? {} : { labels: row.labels }),
    ...(row.is_draft ? { is_draft: true } : {}),
    ...(withMessage && row.deployment_msg !== null ? { deployment_msg: row.deployment_msg } : {}),
  };
}

async function ownDrafts(db: Database, { member, query }: AppsListCall, rawOnly: boolean) {
  const kinds = rawOnly ? ["raw_app"] : ["app", "raw_app"];
  const rows = await db.query<{ path: string; kind: string; value: string; edited_at: Date }>(sql`
    select d.path, d.kind, d.value, d.edited_at from draft d
    where d.workspace_id = ${member.workspace} and d.kind = any(${kinds}::text[]) and d.email = ${member.email}
      ${query.path_start === undefined ? sql.empty : sql`and ${startsWith(sql`d.path`, query.path_start)}`}
      and not exists (select 1 from app a where a.workspace_id = d.workspace_id and a.path = d.path)
    order by d.path`);
  return rows.map(({ path, kind, value, edited_at }) => {
    const summary = value.trimStart().startsWith("{") ? jsonMembers(value).get("summary") : undefined;
    return {
      id: -1,
      workspace_id: member.workspace,
      path,
      summary: summary?.startsWith('"') ? (JSON.parse(summary) as string) : "",
      version: -1,
      extra_perms: {},
      starred: false,
      edited_at: edited_at.toISOString(),
      execution_mode: "publisher",
      raw_app: kind === "raw_app",
      draft_only: true,
      is_draft: true,
    };
  });
}

/** The apps a caller may read, newest first, with the caller's own drafts of new ones before them when asked for. */
export async function listApps(
  db: Database,
  call: AppsListCall,
  { rawOnly }: { rawOnly: boolean },
): Promise<unknown[]> {
  const { member, query, request } = call;
  const rows = await db.query<AppRow & { starred: boolean; is_draft: boolean }>(sql`
    select ${listedAppColumns}, ${starredBy(member.username)} as starred,
      exists (select 1 from draft d where d.workspace_id = a.workspace_id and d.kind in ('app', 'raw_app')
        and d.path = a.path and d.email = ${member.email}) as is_draft
    from ${newestVersions} where ${shownApps(call)} ${filters(call, rawOnly)}
    order by a.version ${query.order_desc === false ? sql`asc` : sql`desc`} ${limitTo(query, { request })}`);
  const found = rows.map((row) => listed(row, query.with_deployment_msg ?? false));
  const withDrafts = query.include_draft_only && !member.isOperator && (query.page ?? 0) <= 1;
  return withDrafts ? [...(await ownDrafts(db, call, rawOnly)), ...found] : found;
}
