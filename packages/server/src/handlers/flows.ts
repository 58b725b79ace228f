import type { flowsOperations } from "@towermill/contract";
import { sql } from "@towermill/store";
import { jsonText } from "../http/answer.ts";
import type { Call, Handlers } from "../http/call.ts";
import { limitTo } from "../http/page.ts";
import { patternsOf } from "../http/item.ts";
import { visible } from "../http/visibility.ts";
import { readableFlow, readableFlowVersion } from "../flows/find.ts";
import { flowAt, flowJson, type VersionRow } from "../flows/row.ts";
import type { Services } from "../services.ts";
import { draftAlone, draftOverlay, withOverlay } from "./drafts-overlay.ts";
import { flowTriggers } from "./flows-triggers.ts";
import { flowWrites } from "./flows-write.ts";

type Ops = typeof flowsOperations;
type CallOf<Id extends string> = Call<Extract<Ops[number], { id: Id }>>;

function versionJson({ id, deployment_msg, created_at, created_by }: Omit<VersionRow, "value" | "schema" | "path">) {
  return {
    id,
    created_at: created_at.toISOString(),
    ...(deployment_msg === null ? {} : { deployment_msg }),
    created_by,
  };
}

function readers({ db }: Services) {
  const starred = async ({ member, query }: CallOf<"getFlowByPath">, path: string): Promise<boolean> =>
    query.with_starred_info === true &&
    (await db.maybe(sql`
      select 1 from favorite where workspace_id = ${member.workspace} and username = ${member.username}
        and kind = 'flow' and path = ${path}`)) !== undefined;
  return {
    async getFlowByPath(call: CallOf<"getFlowByPath">) {
      const { path } = call.params;
      const overlay = call.query.get_draft ? await draftOverlay(db, call.member, { kind: "flow", path }) : null;
      if (overlay?.own && !(await flowAt(db, call.member.workspace, path))) {
        return jsonText(draftAlone(path, overlay.own, overlay.members));
      }
      const text = flowJson(await readableFlow(db, call, path), await starred(call, path));
      return jsonText(overlay ? withOverlay(text, overlay.members) : text);
    },
    async getFlowVersion(call: CallOf<"getFlowVersion">) {
      const { flow, version } = await readableFlowVersion(db, call, call.params.version);
      const { id, value, schema, created_by, created_at } = version;
      const row = { ...flow, value, schema, version: id, edited_by: created_by, edited_at: created_at };
      return jsonText(flowJson(row, false));
    },
    async existsFlowByPath({ member, caller, params }: CallOf<"existsFlowByPath">) {
      const shown = visible(member, patternsOf(caller, "flows"), { path: sql`path`, extraPerms: sql`extra_perms` });
      const row = await db.maybe(sql`
        select 1 from flow where workspace_id = ${member.workspace} and path = ${params.path} and ${shown}`);
      return row !== undefined;
    },
    async getFlowHistory(call: CallOf<"getFlowHistory">) {
      const { path } = await readableFlow(db, call, call.params.path);
      const rows = await db.query<VersionRow>(sql`
        select id, deployment_msg, created_at, created_by from flow_version
        where workspace_id = ${call.member.workspace} and path = ${path} order by id desc ${limitTo(call.query)}`);
      return rows.map(versionJson);
    },
    async getFlowLatestVersion(call: CallOf<"getFlowLatestVersion">) {
      const { version } = await readableFlow(db, call, call.params.path);
      return versionJson((await readableFlowVersion(db, call, version ?? 0)).version);
    },
    async getFlowDeploymentStatus(call: CallOf<"getFlowDeploymentStatus">) {
      const { lock_error_logs, dependency_job } = await readableFlow(db, call, call.params.path);
      return {
        ...(lock_error_logs === null ? {} : { lock_error_logs }),
        ...(dependency_job === null ? {} : { job_id: dependency_job }),
      };
    },
  };
}

/** Flows: at most one per path, with all the versions it ever had. */
export function flowsHandlers(services: Services): Handlers<Ops> {
  return { ...readers(services), ...flowTriggers(services), ...flowWrites(services) };
}
