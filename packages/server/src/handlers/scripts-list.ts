import { ApiError, type scriptsListOperations } from "@towermill/contract";
import { importStatements } from "@towermill/signature";
import { sql, type Queryable, type Sql } from "@towermill/store";
import { listedRunnables, type ListedRunnable } from "../flows/runnables.ts";
import { jsonText } from "../http/answer.ts";
import type { Call, Handlers } from "../http/call.ts";
import { patternsOf } from "../http/item.ts";
import { limitTo } from "../http/page.ts";
import { visible } from "../http/visibility.ts";
import { deployedAt } from "../scripts/find.ts";
import { importedPaths } from "../scripts/import-path.ts";
import { listedScripts, type ListedScriptRow } from "../scripts/list.ts";
import type { Services } from "../services.ts";

type Ops = typeof scriptsListOperations;
type CallOf<Id extends string> = Call<Extract<Ops[number], { id: Id }>>;
type Who = Pick<CallOf<"listScriptPaths">, "member" | "caller">;

function whoOf({ member, caller }: Who) {
  return { member, patterns: patternsOf(caller, "scripts") };
}

function listedFields(row: ListedScriptRow) {
  const { tag, auto_kind, codebase, labels, has_preprocessor, ws_error_handler_muted } = row.options;
  return {
    hash: row.hash ?? "",
    path: row.path,
    summary: row.summary,
    created_by: row.created_by,
    created_at: row.created_at,
    archived: row.archived,
    deleted: false,
    is_template: row.is_template,
    extra_perms: row.extra_perms,
    language: row.language,
    kind: row.kind,
    starred: row.starred,
    has_preprocessor: has_preprocessor ?? false,
    ws_error_handler_muted: ws_error_handler_muted ?? false,
    tag,
    auto_kind,
    codebase,
    labels,
    ...(row.draft_only ? { draft_only: true } : {}),
    ...(row.has_deploy_errors ? { has_deploy_errors: true } : {}),
    is_draft: row.is_draft,
    ...(row.draft_users === null ? {} : { draft_users: row.draft_users.map((username) => ({ username })) }),
  };
}

function lists({ db }: Services) {
  const heads = (call: Who): Sql => sql`
    from script s where s.workspace_id = ${call.member.workspace} and not s.archived and not s.deleted
      and ${visible(call.member, patternsOf(call.caller, "scripts"), { path: sql`s.path`, extraPerms: sql`s.extra_perms` })}`;
  return {
    async listScripts(call: CallOf<"listScripts">) {
      const { query, member, request } = call;
      const direction = query.order_desc === false ? sql`asc` : sql`desc`;
      const rows = await db.query<ListedScriptRow>(sql`
        ${listedScripts(whoOf(call), query)} order by s.created_at ${direction}, s.path ${limitTo(query, { request })}`);
      const listed = rows.map((row) => ({
        workspace_id: member.workspace,
        ...listedFields(row),
        ...(query.without_description ? {} : { description: row.description }),
        ...(query.with_deployment_msg && row.deployment_msg !== null ? { deployment_msg: row.deployment_msg } : {}),
      }));
      return jsonText(JSON.stringify(listed));
    },
    listSearchScript: (call: CallOf<"listSearchScript">) =>
      db.query<{ path: string; content: string }>(sql`select s.path, s.content ${heads(call)} order by s.path`),
    async listScriptPaths(call: CallOf<"listScriptPaths">) {
      return (await db.query<{ path: string }>(sql`select s.path ${heads(call)} order by s.path`)).map(
        ({ path }) => path,
      );
    },
    async listScriptPathsFromWorkspaceRunnable(call: CallOf<"listScriptPathsFromWorkspaceRunnable">) {
      const { path } = await deployedAt(db, call, call.params.path);
      const name = path.split("/").at(-1) ?? path;
      const rows = await db.query<{ path: string; language: string; content: string }>(sql`
        select s.path, s.language, s.content ${heads(call)} and position(${name} in s.content) > 0 order by s.path`);
      const imports = rows.filter((row) =>
        importedPaths(row.path, importStatements(row.language, row.content)).includes(path),
      );
      return imports.map((row) => row.path);
    },
  };
}

/** `%word%word%` of the search's terms; `null` when nothing can match. */
function searchPattern(search: string | undefined): string | null | undefined {
  if (search === undefined || search === "") return undefined;
  const terms = search
    .split(/[^A-Za-z0-9']+/)
    .filter((term) => term !== "")
    .slice(0, 8);
  return terms.length === 0 ? null : `%${terms.join("%")}%`;
}

interface Cursor {
  key: string;
  path: string;
}

function cursorOf(text: string): Cursor {
  try {
    const [key, path] = JSON.parse(Buffer.from(text, "base64url").toString("utf8")) as unknown[];
    if (typeof key === "string" && typeof path === "string" && !`${key}${path}`.includes("\u0000"))
      return { key, path };
  } catch {
    // falls through to the one answer for every malformed cursor
  }
  throw new ApiError("bad_request", "query.cursor: is not a cursor of a previous page");
}

function runnableJson(workspace: string, row: ListedRunnable) {
  const { auto_kind, codebase, labels, ws_error_handler_muted } = row.options;
  return {
    type: row.type,
    workspace_id: workspace,
    path: row.path,
    summary: row.summary,
    extra_perms: row.extra_perms,
    starred: row.starred,
    archived: row.archived,
    is_draft: row.is_draft,
    ...(row.draft_only ? { draft_only: true } : {}),
    ...(row.draft_users === null ? {} : { draft_users: row.draft_users.map((username) => ({ username })) }),
    labels,
    ws_error_handler_muted: ws_error_handler_muted ?? false,
    edited_at: row.created_at,
    ...(row.hash === null ? {} : { hash: row.hash }),
    ...(row.type === "script"
      ? { language: row.language, kind: row.kind, auto_kind, use_codebase: codebase !== undefined }
      : {}),
    ...(row.has_deploy_errors ? { has_deploy_errors: true } : {}),
  };
}

async function runnablePage(
  db: Queryable,
  call: CallOf<"listRunnables">,
  { runnables, pattern }: { runnables: Sql; pattern: string | undefined },
) {
  const { query } = call;
  const byName = query.order_by === "name";
  const key = byName
    ? sql`lower(coalesce(nullif(s.summary, ''), s.path))`
    : sql`to_char(s.created_at at time zone 'utc', 'YYYYMMDDHH24MISSUS')`;
  const descending = query.order_desc ?? true;
  const direction = descending ? sql`desc` : sql`asc`;
  const after = query.cursor === undefined ? null : cursorOf(query.cursor);
  const compare = descending ? sql`<` : sql`>`;
  const size = query.per_page ?? 30;
  const rows = await db.query<ListedRunnable & { sort_key: string }>(sql`
    select s.*, ${key} collate "C" as sort_key from (${runnables}) s
    where ${pattern === undefined ? sql`true` : sql`(s.summary || ' (' || s.path || ')') ilike ${pattern}`}
      and ${after ? sql`(${key} collate "C", s.type || s.path collate "C") ${compare} (${after.key}, ${after.path})` : sql`true`}
    order by sort_key ${direction}, s.type || s.path collate "C" ${direction} limit ${size + 1}`);
  const page = rows.slice(0, size);
  const last = rows.length > size ? page.at(-1) : undefined;
  const items = page.map((row) => runnableJson(call.member.workspace, row));
  return last
    ? { items, next_cursor: Buffer.from(JSON.stringify([last.sort_key, last.type + last.path])).toString("base64url") }
    : { items };
}

function runnables({ db }: Services) {
  return {
    async listRunnables(call: CallOf<"listRunnables">) {
      const pattern = searchPattern(call.query.search);
      const runnables = listedRunnables(call, call.query.kinds, { ...call.query, kinds: undefined });
      if (runnables === null || pattern === null) return { items: [] };
      return jsonText(JSON.stringify(await runnablePage(db, call, { runnables, pattern })));
    },
    async countRunnablesByOwner(call: CallOf<"countRunnablesByOwner">) {
      const runnables = listedRunnables(call, call.query.kinds, { ...call.query, kinds: undefined });
      if (runnables === null) return { counts: {} };
      const rows = await db.query<{ owner: string; count: number }>(sql`
        select split_part(s.path, '/', 1) || '/' || split_part(s.path, '/', 2) as owner, count(*)::int as count
        from (${runnables}) s group by owner order by owner`);
      return { counts: Object.fromEntries(rows.map(({ owner, count }) => [owner, count])) };
    },
    async listPathAutocompletePaths({ member, caller }: CallOf<"listPathAutocompletePaths">) {
      const pathsOf = (
        table: "script" | "flow" | "variable" | "resource",
        domain: "scripts" | "flows" | "variables" | "resources",
      ): Sql => sql`
        select path from ${sql.ident(table)} where workspace_id = ${member.workspace}
          ${table === "script" ? sql`and not archived and not deleted` : sql.empty}
          ${table === "flow" ? sql`and not archived` : sql.empty}
          and ${visible(member, patternsOf(caller, domain), { path: sql`path`, extraPerms: sql`extra_perms` })}`;
      const rows = await db.query<{ path: string }>(sql`
        ${pathsOf("script", "scripts")} union ${pathsOf("flow", "flows")} union ${pathsOf("variable", "variables")} union ${pathsOf("resource", "resources")}
        order by path`);
      return { paths: rows.map(({ path }) => path) };
    },
  };
}

/** Lists of scripts, and lists across kinds. */
export function scriptsListHandlers(services: Services): Handlers<Ops> {
  return { ...lists(services), ...runnables(services) };
}
