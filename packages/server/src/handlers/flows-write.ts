import type { flowsOperations } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import { plainText } from "../http/answer.ts";
import type { Call } from "../http/call.ts";
import { audit } from "../identity/audit.ts";
import { announceFlows } from "../flows/changed.ts";
import { deployFlow } from "../flows/deploy.ts";
import { readableFlow, readableFlowVersion, requireFlowWritable, type Who } from "../flows/find.ts";
import type { Services } from "../services.ts";
import { absent } from "./absent.ts";
import { moveToTrash, rowAt } from "./trash-keep.ts";

type CallOf<Id extends string> = Call<Extract<(typeof flowsOperations)[number], { id: Id }>>;

async function note(tx: Queryable, { member }: Who, { verb, path }: { verb: string; path: string }): Promise<void> {
  const { workspace, username } = member;
  const actionKind = verb === "delete" || verb === "archive" ? "Delete" : "Updated";
  await audit(tx, { workspace, username, operation: `flows.${verb}`, actionKind, resource: path });
}

/** The path, and in a header of our own what the deployment found odd: clients of Windmill read the text alone. */
function deployed(path: string, { status, warnings }: { status: number; warnings: string[] }): Response {
  const answer = plainText(path, status);
  const text = JSON.stringify(warnings).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  if (warnings.length > 0) answer.headers.set("x-towermill-warnings", text.slice(0, 4000));
  return answer;
}

/** Everything that changes flows; processes that keep flows in memory are told by the topic `changed`. */
export function flowWrites(services: Services) {
  const { db } = services;
  const changed = (workspace: string, path: string): void => announceFlows(services, workspace, { paths: [path] });
  return {
    async createFlow({ caller, member, body, bodyText }: CallOf<"createFlow">) {
      const { path } = body;
      const deployment = { who: { caller, member }, flow: body, bodyText, from: null, path };
      return deployed(path, { status: 201, warnings: await deployFlow(services, deployment) });
    },
    async updateFlow({ caller, member, body, bodyText, params }: CallOf<"updateFlow">) {
      const path = body.path ?? params.path;
      const deployment = { who: { caller, member }, flow: body, bodyText, from: params.path, path };
      return deployed(path, { status: 200, warnings: await deployFlow(services, deployment) });
    },
    async archiveFlowByPath(call: CallOf<"archiveFlowByPath">) {
      const archived = call.body.archived ?? true;
      const row = await readableFlow(db, call, call.params.path);
      requireFlowWritable(call, row);
      await db.transaction(async (tx) => {
        await tx.execute(sql`
          update flow set archived = ${archived} where workspace_id = ${row.workspace_id} and path = ${row.path}`);
        await note(tx, call, { verb: archived ? "archive" : "update", path: row.path });
      });
      changed(row.workspace_id, row.path);
      return `Flow ${row.path} ${archived ? "archived" : "unarchived"}`;
    },
    async deleteFlowByPath(call: CallOf<"deleteFlowByPath">) {
      const { member, params } = call;
      const { path } = params;
      const versions = await db.transaction(async (tx) => {
        const row = await readableFlow(tx, call, path).catch(absent);
        // `wmill sync push` deletes a flow once for each of its files
        if (!row) return null;
        requireFlowWritable(call, row);
        const rows = [rowAt(member, "flow", path), rowAt(member, "flow_version", path)];
        await moveToTrash(tx, member, { kind: "flow", path, acl: row.extra_perms, rows });
        const gone = await tx.query<{ id: number }>(
          sql`delete from flow_version where workspace_id = ${member.workspace} and path = ${path} returning id`,
        );
        for (const table of ["draft", "favorite"]) {
          await tx.execute(sql`
            delete from ${sql.ident(table)} where workspace_id = ${member.workspace} and kind = 'flow' and path = ${path}`);
        }
        await tx.execute(sql`delete from flow where workspace_id = ${member.workspace} and path = ${path}`);
        await note(tx, call, { verb: "delete", path });
        return gone.map(({ id }) => id);
      });
      if (versions === null) return `There is no flow ${path}`;
      announceFlows(services, member.workspace, { paths: [path], versions });
      return `Flow ${path} deleted`;
    },
    async toggleWorkspaceErrorHandlerForFlow(call: CallOf<"toggleWorkspaceErrorHandlerForFlow">) {
      const row = await readableFlow(db, call, call.params.path);
      requireFlowWritable(call, row);
      const muted = call.body.muted ?? false;
      await db.transaction(async (tx) => {
        await tx.execute(sql`
          update flow set options = options || ${sql.json({ ws_error_handler_muted: muted })}::jsonb
          where workspace_id = ${row.workspace_id} and path = ${row.path}`);
        await note(tx, call, { verb: "update", path: row.path });
      });
      changed(row.workspace_id, row.path);
      return muted ? "error handler muted" : "error handler enabled";
    },
    async updateFlowHistory(call: CallOf<"updateFlowHistory">) {
      const { flow, version } = await readableFlowVersion(db, call, call.params.version);
      requireFlowWritable(call, flow);
      await db.execute(sql`
        update flow_version set deployment_msg = ${call.body.deployment_msg}
        where workspace_id = ${flow.workspace_id} and id = ${version.id}`);
      return `deployment message of version ${version.id} updated`;
    },
  };
}
