import { randomUUID } from "node:crypto";
import { allowed, notFound, type Member, type nativeTriggersOperations } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import { jsonText } from "../http/answer.ts";
import type { Call, Handlers } from "../http/call.ts";
import { requireReadable, requireWritable, requireWriteAt } from "../http/item.ts";
import { limitTo } from "../http/page.ts";
import { composeJson, jsonList, memberText } from "../http/verbatim.ts";
import { audit } from "../identity/audit.ts";
import type { Services } from "../services.ts";

type Ops = typeof nativeTriggersOperations;
type CallOf<Id extends string> = Call<Extract<Ops[number], { id: Id }>>;

interface NativeRow {
  workspace_id: string;
  service_name: string;
  external_id: string;
  script_path: string;
  is_flow: boolean;
  service_config: string;
  summary: string | null;
  enabled: boolean;
}

const columns = sql`workspace_id, service_name, external_id, script_path, is_flow, service_config, summary, enabled`;

function nativeJson({ service_config, ...fields }: NativeRow, more: Record<string, string> = {}): string {
  return composeJson(fields, { service_config, ...more });
}

type One = Pick<CallOf<"getNativeTrigger">, "member" | "caller" | "params">;

/** A trigger goes by the rights of what it starts: it has no path of its own. */
async function found(db: Queryable, call: One, write: boolean): Promise<NativeRow> {
  const { service_name, external_id } = call.params;
  const row = await db.maybe<NativeRow>(sql`
    select ${columns} from native_trigger
    where workspace_id = ${call.member.workspace} and service_name = ${service_name} and external_id = ${external_id}`);
  const asked = { kind: `${service_name} trigger`, name: external_id };
  if (!row) throw notFound(asked.kind, asked.name);
  const item = { domain: "native_triggers", kind: asked.kind, path: row.script_path, acl: {}, asked } as const;
  if (write) requireWritable(call, item);
  else requireReadable(call, item);
  return row;
}

async function note(tx: Queryable, { workspace, username }: Member, verb: "create" | "update" | "delete", id: string) {
  const actionKind = verb === "create" ? "Created" : verb === "update" ? "Updated" : "Delete";
  await audit(tx, { workspace, username, operation: `native_triggers.${verb}`, actionKind, resource: id });
}

function writes({ db }: Services) {
  const at = ({ member, params }: One) => sql`
    workspace_id = ${member.workspace} and service_name = ${params.service_name} and external_id = ${params.external_id}`;
  return {
    async createNativeTrigger(call: CallOf<"createNativeTrigger">) {
      const { body, member, params } = call;
      requireWriteAt(call, { domain: "native_triggers", path: body.script_path });
      const id = randomUUID();
      await db.transaction(async (tx) => {
        await tx.execute(sql`
          insert into native_trigger (workspace_id, service_name, external_id, script_path, is_flow, service_config, summary,
            enabled, edited_by)
          values (${member.workspace}, ${params.service_name}, ${id}, ${body.script_path}, ${body.is_flow},
            ${memberText(call.bodyText, "service_config") ?? "{}"}, ${body.summary}, ${body.enabled ?? true}, ${member.username})`);
        await note(tx, member, "create", id);
      });
      return { external_id: id };
    },
    async updateNativeTrigger(call: CallOf<"updateNativeTrigger">) {
      const { body, member, params } = call;
      await db.transaction(async (tx) => {
        await found(tx, call, true);
        requireWriteAt(call, { domain: "native_triggers", path: body.script_path });
        await tx.execute(sql`
          update native_trigger set script_path = ${body.script_path}, is_flow = ${body.is_flow},
            service_config = ${memberText(call.bodyText, "service_config") ?? "{}"}, summary = ${body.summary},
            enabled = coalesce(${body.enabled}, enabled), edited_by = ${member.username}, edited_at = now()
          where ${at(call)}`);
        await note(tx, member, "update", params.external_id);
      });
      return `${params.service_name} trigger ${params.external_id} updated`;
    },
    async setNativeTriggerEnabled(call: CallOf<"setNativeTriggerEnabled">) {
      const { external_id } = call.params;
      await db.transaction(async (tx) => {
        await found(tx, call, true);
        await tx.execute(sql`update native_trigger set enabled = ${call.body.enabled} where ${at(call)}`);
        await note(tx, call.member, "update", external_id);
      });
      return `trigger ${external_id} ${call.body.enabled ? "enabled" : "disabled"}`;
    },
    async deleteNativeTrigger(call: CallOf<"deleteNativeTrigger">) {
      const { external_id } = call.params;
      await db.transaction(async (tx) => {
        await found(tx, call, true);
        await tx.execute(sql`delete from native_trigger where ${at(call)}`);
        await note(tx, call.member, "delete", external_id);
      });
      return `trigger ${external_id} deleted`;
    },
  };
}

/** Triggers on events of other services, as stored rows: no service is told of them. */
export function nativeTriggersHandlers(services: Services): Handlers<Ops> {
  const { db } = services;
  return {
    ...writes(services),
    async getNativeTrigger(call) {
      return jsonText(nativeJson(await found(db, call, false), { external_data: "null" }));
    },
    async listNativeTriggers({ member, params, query }) {
      const path = query.path === undefined ? sql.empty : sql`and script_path = ${query.path}`;
      const flow = query.is_flow === undefined ? sql.empty : sql`and is_flow = ${query.is_flow}`;
      const rows = await db.query<NativeRow>(sql`
        select ${columns} from native_trigger
        where workspace_id = ${member.workspace} and service_name = ${params.service_name} ${path} ${flow}
        order by external_id ${limitTo(query)}`);
      return jsonList(rows.filter((row) => allowed(member, "read", row.script_path)).map((row) => nativeJson(row)));
    },
    async existsNativeTrigger({ member, params }) {
      const row = await db.maybe(sql`
        select 1 from native_trigger where workspace_id = ${member.workspace}
          and service_name = ${params.service_name} and external_id = ${params.external_id}`);
      return row !== undefined;
    },
  };
}
