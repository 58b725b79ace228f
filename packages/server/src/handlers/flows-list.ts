import type { flowsListOperations } from "@towermill/contract";
import { sql, type Sql } from "@towermill/store";
import { jsonText } from "../http/answer.ts";
import type { Call, Handlers } from "../http/call.ts";
import { patternsOf } from "../http/item.ts";
import { limitTo } from "../http/page.ts";
import { composeJson, jsonList } from "../http/verbatim.ts";
import { visible } from "../http/visibility.ts";
import { listedFlows, type ListedFlowRow } from "../flows/list.ts";
import { stepsOf } from "../flows/steps.ts";
import type { Services } from "../services.ts";

type Ops = typeof flowsListOperations;
type CallOf<Id extends string> = Call<Extract<Ops[number], { id: Id }>>;
type Who = Pick<CallOf<"listFlowPaths">, "member" | "caller">;

function listed({ options, version, draft_only, has_deploy_errors, draft_users, ...row }: ListedFlowRow) {
  return {
    ...options,
    ...row,
    ...(version === null ? {} : { version_id: version }),
    ...(draft_only ? { draft_only } : {}),
    ...(has_deploy_errors ? { has_deploy_errors } : {}),
    ...(draft_users === null ? {} : { draft_users: draft_users.map((username) => ({ username })) }),
  };
}

/** Whether a step of a flow runs what is at (or below) a path. */
function mentions(value: string, { kind, path, below }: { kind: string; path: string; below: boolean }): boolean {
  for (const { value: step } of stepsOf(JSON.parse(value))) {
    if (step["type"] !== kind || typeof step["path"] !== "string") continue;
    if (step["path"] === path || (below && step["path"].startsWith(path))) return true;
  }
  return false;
}

/** Lists of flows; definitions are left out where nobody asks for them. */
export function flowsListHandlers({ db }: Services): Handlers<Ops> {
  const readable = ({ member, caller }: Who): Sql => sql`
    from flow s where s.workspace_id = ${member.workspace} and not s.archived and not s.draft_only
      and ${visible(member, patternsOf(caller, "flows"), { path: sql`s.path`, extraPerms: sql`s.extra_perms` })}`;
  return {
    async listFlows(call) {
      const { query, member, caller, request } = call;
      const direction = query.order_desc === false ? sql`asc` : sql`desc`;
      const who = { member, patterns: patternsOf(caller, "flows") };
      const message = query.with_deployment_msg
        ? sql`, (select v.deployment_msg from flow_version v where v.id = s.version) as deployment_msg`
        : sql.empty;
      const rows = await db.query<ListedFlowRow & { deployment_msg?: string | null }>(sql`
        select s.* ${message} from (${listedFlows(who, query)}) s
        order by s.edited_at ${direction}, s.path ${limitTo(query, { request })}`);
      return jsonText(
        JSON.stringify(
          rows.map(({ deployment_msg, ...row }) => {
            const { description, ...shown } = listed(row);
            return {
              ...shown,
              ...(query.without_description ? {} : { description }),
              ...(deployment_msg == null ? {} : { deployment_msg }),
            };
          }),
        ),
      );
    },
    async listSearchFlow(call) {
      const rows = await db.query<{ path: string; value: string }>(
        sql`select s.path, s.value ${readable(call)} order by s.path`,
      );
      return jsonList(rows.map(({ path, value }) => composeJson({ path }, { value })));
    },
    async listFlowPaths(call) {
      const rows = await db.query<{ path: string }>(sql`select s.path ${readable(call)} order by s.path`);
      return rows.map(({ path }) => path);
    },
    async listFlowPathsFromWorkspaceRunnable(call) {
      const { runnable_kind: kind, path } = call.params;
      // JSON escapes a slash at will, so the text alone decides nothing
      const name = path.split("/").at(-1) ?? path;
      const rows = await db.query<{ path: string; value: string }>(sql`
        select s.path, s.value ${readable(call)} and position(${name} in s.value::text) > 0 order by s.path`);
      const below = call.query.match_path_start ?? false;
      return rows.filter(({ value }) => mentions(value, { kind, path, below })).map((row) => row.path);
    },
  };
}
