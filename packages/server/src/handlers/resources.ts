import { ApiError, jsonMembers, notFound, type resourcesOperations } from "@towermill/contract";
import { sql, type Sql } from "@towermill/store";
import { CipherError, interpolate, InterpolationError, readResource, type Vault } from "@towermill/vault";
import { jsonText } from "../http/answer.ts";
import { parseJson } from "../http/body.ts";
import type { Call, Handlers } from "../http/call.ts";
import { patternsOf, requireReadable, scopesOf } from "../http/item.ts";
import { limitTo } from "../http/page.ts";
import { jsonList, requireSearchable } from "../http/verbatim.ts";
import { startsWith, visible } from "../http/visibility.ts";
import type { Services } from "../services.ts";
import { draftAlone, draftOverlay, withOverlay } from "./drafts-overlay.ts";
import { resourceColumns, resourceJson, resourceTables, type ResourceRow } from "./resources-row.ts";
import { resourceWrites } from "./resources-write.ts";

type Ops = typeof resourcesOperations;
type CallOf<Id extends string> = Call<Extract<Ops[number], { id: Id }>>;

const searchLength = 4000;

function shown({ member, caller }: Pick<CallOf<"listResource">, "member" | "caller">): Sql {
  const columns = { path: sql`r.path`, extraPerms: sql`r.extra_perms` };
  return sql`r.workspace_id = ${member.workspace} and ${visible(member, patternsOf(caller, "resources"), columns)}`;
}

function contextOf(vault: Vault, { member, caller }: Pick<CallOf<"getResource">, "member" | "caller">) {
  return { vault, member, scopes: scopesOf(caller), ...(caller.kind === "job" ? { jobId: caller.jobId } : {}) };
}

function readers({ db, vault }: Services) {
  const find = ({
    member,
    params,
  }: Pick<CallOf<"getResource">, "member" | "params">): Promise<ResourceRow | undefined> =>
    db.maybe<ResourceRow>(
      sql`select ${resourceColumns} from ${resourceTables} where r.workspace_id = ${member.workspace} and r.path = ${params.path}`,
    );
  const valueOf = async (
    call: CallOf<"getResourceValue"> | CallOf<"getResourceValueInterpolated">,
  ): Promise<string> => {
    const value = await readResource(contextOf(vault, call), call.params.path);
    if (value === null) throw notFound("Resource", call.params.path);
    return value;
  };
  return {
    async getResource(call: CallOf<"getResource">) {
      const { path } = call.params;
      const overlay = call.query.get_draft ? await draftOverlay(db, call.member, { kind: "resource", path }) : null;
      const row = await find(call);
      if (!row && overlay?.own) return jsonText(draftAlone(path, overlay.own, overlay.members));
      if (!row) throw notFound("Resource", path);
      requireReadable(call, { domain: "resources", kind: "Resource", path, acl: row.extra_perms });
      return jsonText(overlay ? withOverlay(resourceJson(row), overlay.members) : resourceJson(row));
    },
    async getResourceValueInterpolated(call: CallOf<"getResourceValueInterpolated">) {
      const value = await valueOf(call);
      try {
        return jsonText(await interpolate(contextOf(vault, call), value, call.params.path));
      } catch (error) {
        if (error instanceof InterpolationError || error instanceof CipherError)
          throw new ApiError("bad_request", error.message);
        throw error;
      }
    },
    getResourceValue: async (call: CallOf<"getResourceValue">) => jsonText(await valueOf(call)),
    async existsResource(call: CallOf<"existsResource">) {
      return (
        (await db.maybe(sql`select 1 from resource r where ${shown(call)} and r.path = ${call.params.path}`)) !==
        undefined
      );
    },
  };
}

function subsetFilter(encoded: string | undefined): Sql {
  if (encoded === undefined) return sql.empty;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  requireSearchable(parseJson(text), "query.value");
  // What jsonb cannot hold matches nothing; looking at the text first keeps the cast from failing.
  const holdable = sql`r.value::text !~ '\\\\u(0000|[dD][89a-fA-F])'`;
  return sql`and case when ${holdable} then r.value::text::jsonb @> ${text}::jsonb else false end`;
}

function commaList(text: string): string[] {
  return text.split(",").filter((item) => item !== "");
}

function listStatement(call: CallOf<"listResource">): Sql {
  const { query, request } = call;
  const unless = (text: string | undefined, condition: (text: string) => Sql): Sql =>
    text === undefined ? sql.empty : sql`and ${condition(text)}`;
  return sql`
    select ${resourceColumns} from ${resourceTables}
    where ${shown(call)}
      ${unless(query.resource_type, (t) => sql`r.resource_type = any(${commaList(t)}::text[])`)}
      ${unless(query.resource_type_exclude, (t) => sql`not r.resource_type = any(${commaList(t)}::text[])`)}
      ${unless(query.path, (t) => sql`r.path = ${t}`)}
      ${unless(query.path_start, (t) => startsWith(sql`r.path`, t))}
      ${unless(query.description, (t) => sql`position(lower(${t}) in lower(r.description)) > 0`)}
      ${unless(
        query.broad_filter,
        (t) =>
          sql`position(lower(${t}) in lower(concat_ws(' ', r.path, r.description, r.resource_type, r.value::text))) > 0`,
      )}
      ${unless(query.label, (t) => sql`${t} = any(r.labels)`)}
      ${subsetFilter(query.value)}
    order by r.path ${limitTo(query, { request })}`;
}

function lists({ db }: Services) {
  return {
    async listResource(call: CallOf<"listResource">) {
      const found = (await db.query<ResourceRow>(listStatement(call))).map(resourceJson);
      if (!call.query.include_draft_only) return jsonList(found);
      const { workspace, email } = call.member;
      const drafts = await db.query<{ path: string; value: string }>(sql`
        select d.path, d.value from draft d
        where d.workspace_id = ${workspace} and d.kind = 'resource' and d.email = ${email}
          and not exists (select 1 from resource r where r.workspace_id = d.workspace_id and r.path = d.path)
        order by d.path`);
      return jsonList([...found, ...drafts.map(({ path, value }) => draftRow(workspace, path, value))]);
    },
    async listSearchResource(call: CallOf<"listSearchResource">) {
      const rows = await db.query<{ path: string; value: string }>(
        sql`select r.path, coalesce(r.value, 'null') as value from resource r where ${shown(call)} order by r.path`,
      );
      return rows.map(({ path, value }) => {
        const text = JSON.stringify(JSON.parse(value), null, 2);
        return { path, value: text.slice(0, searchLength), truncated: text.length > searchLength };
      });
    },
    async listResourceNames(call: CallOf<"listResourceNames">) {
      const rows = await db.query<{ path: string }>(
        sql`select r.path from resource r where ${shown(call)} and r.resource_type = ${call.params.name} order by r.path`,
      );
      return rows.map(({ path }) => ({ name: path, path }));
    },
  };
}

function draftRow(workspace: string, path: string, value: string): string {
  const type = value.trimStart().startsWith("{") ? jsonMembers(value).get("resource_type") : undefined;
  const fields = {
    workspace_id: workspace,
    path,
    is_oauth: false,
    is_linked: false,
    is_refreshed: false,
    draft_only: true,
    is_draft: true,
  };
  return `${JSON.stringify(fields).slice(0, -1)},"resource_type":${type ?? '""'}}`;
}

/** Resources. Values go in and out as the JSON text they were sent as. */
export function resourcesHandlers(services: Services): Handlers<Ops> {
  return { ...readers(services), ...lists(services), ...resourceWrites(services) };
}
