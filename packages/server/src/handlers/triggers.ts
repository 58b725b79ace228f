import {
  notFound,
  triggerAddressOperations,
  triggerKinds,
  triggerOperationsOf,
  type TriggerKind,
  type TriggerVerb,
} from "@towermill/contract";
import { sql, type Sql } from "@towermill/store";
import { jsonText } from "../http/answer.ts";
import type { AnyHandler, Route } from "../http/app.ts";
import type { Call, Handler, Handlers } from "../http/call.ts";
import { patternsOf, requireReadable } from "../http/item.ts";
import { mount } from "../http/mount.ts";
import { limitTo } from "../http/page.ts";
import { jsonList } from "../http/verbatim.ts";
import { startsWith, visible } from "../http/visibility.ts";
import type { Services } from "../services.ts";
import { draftOverlay, withOverlay } from "./drafts-overlay.ts";
import {
  claimOf,
  routeClaim,
  triggerAt,
  triggerColumns,
  triggerJson,
  triggerTable,
  type Claim,
  type TriggerRow,
} from "./triggers-row.ts";
import { createTrigger, deleteTrigger, setTriggerMode, updateTrigger } from "./triggers-write.ts";

type Ops = ReturnType<typeof triggerOperationsOf>;
type KindHandlers = { [Verb in TriggerVerb]: Handler<Ops[Verb]> };

function shown({ member, caller }: Pick<Call<Ops["list"]>, "member" | "caller">, kind: TriggerKind): Sql {
  const columns = { path: sql`t.path`, extraPerms: sql`t.extra_perms` };
  return sql`t.workspace_id = ${member.workspace} and ${visible(member, patternsOf(caller, `${kind}_triggers`), columns)}`;
}

function readers({ db }: Services, kind: TriggerKind): Pick<KindHandlers, "get" | "list" | "exists"> {
  return {
    async get(call) {
      const { path } = call.params;
      const { workspace } = call.member;
      const row = await triggerAt(db, kind, { workspace, path });
      if (!row) throw notFound(`${kind} trigger`, path);
      requireReadable(call, { domain: `${kind}_triggers`, kind: `${kind} trigger`, path, acl: row.extra_perms });
      if (!call.query.get_draft) return jsonText(triggerJson(row));
      const overlay = await draftOverlay(db, call.member, { kind: `trigger_${kind}`, path });
      return jsonText(withOverlay(triggerJson(row), overlay.members));
    },
    async list(call) {
      const { query } = call;
      const conditions = [shown(call, kind)];
      if (query.path !== undefined) conditions.push(sql`t.script_path = ${query.path}`);
      if (query.is_flow !== undefined) conditions.push(sql`t.is_flow = ${query.is_flow}`);
      if (query.path_start !== undefined) conditions.push(startsWith(sql`t.path`, query.path_start));
      if (query.label !== undefined) conditions.push(sql`${query.label} = any(t.labels)`);
      const rows = await db.query<TriggerRow>(sql`
        select ${triggerColumns} from ${triggerTable(kind)} t
        where ${sql.join(conditions, sql` and `)} order by t.path ${limitTo(query)}`);
      return jsonList(rows.map(triggerJson));
    },
    async exists(call) {
      const row = await db.maybe(sql`
        select 1 from ${triggerTable(kind)} t where ${shown(call, kind)} and t.path = ${call.params.path}`);
      return row !== undefined;
    },
  };
}

function handlersOf(services: Services, kind: TriggerKind): KindHandlers {
  return {
    ...readers(services, kind),
    create: async (call) => createTrigger(services, call, { kind, body: call.body, bodyText: call.bodyText }),
    async update(call) {
      const { path } = call.params;
      const to = await updateTrigger(services, call, { kind, path, body: call.body, bodyText: call.bodyText });
      return `${kind} trigger ${to} updated`;
    },
    async delete(call) {
      await deleteTrigger(services, call, { kind, path: call.params.path });
      return `${kind} trigger ${call.params.path} deleted`;
    },
    async setMode(call) {
      await setTriggerMode(services, call, { kind, path: call.params.path, mode: call.body.mode });
      return `${kind} trigger ${call.params.path} ${call.body.mode}`;
    },
  };
}

interface HistoryRow {
  id: number;
  trigger_kind: string;
  path: string;
  operation: string;
  source: string;
  username: string | null;
  created_at: Date;
}

/** What the trigger that a row of `trigger_history h` is about grants, while there is one. */
const grantedNow = sql`coalesce(case h.trigger_kind ${sql.join(
  triggerKinds.map(
    (kind) =>
      sql`when ${kind} then (select t.extra_perms from ${triggerTable(kind)} t where t.workspace_id = h.workspace_id and t.path = h.path)`,
  ),
  sql` `,
)} end, '{}')`;

/** History outlives triggers: what is gone is shown to those who may read its path. */
function across({ db }: Services): Handlers<typeof triggerAddressOperations> {
  const claimed = async (
    kind: TriggerKind,
    claim: Claim,
    who: { workspace: string; except: string | null | undefined },
  ): Promise<boolean> => {
    const row = await db.maybe(sql`
      select 1 from ${triggerTable(kind)} t
      where t.claim = ${claim.address} and t.claim_workspaced = ${claim.workspaced}
        and (not t.claim_workspaced or t.workspace_id = ${who.workspace})
        and not (t.workspace_id = ${who.workspace} and t.path = ${who.except ?? ""})`);
    return row !== undefined;
  };
  return {
    existsRoute: ({ member, body }) =>
      claimed("http", routeClaim(body.http_method, body.route_path, body.workspaced_route ?? false), {
        workspace: member.workspace,
        except: body.trigger_path,
      }),
    existsEmailLocalPart: ({ member, body }) =>
      claimed("email", claimOf("email", JSON.stringify(body)), {
        workspace: member.workspace,
        except: body.trigger_path,
      }),
    async listTriggerHistory({ member, query }) {
      const kind = query.trigger_kind === undefined ? sql.empty : sql`and h.trigger_kind = ${query.trigger_kind}`;
      const path = query.path === undefined ? sql.empty : sql`and h.path = ${query.path}`;
      const seen = visible(member, null, { path: sql`h.path`, extraPerms: grantedNow });
      const rows = await db.query<HistoryRow>(sql`
        select h.id, h.trigger_kind, h.path, h.operation, h.source, h.username, h.created_at from trigger_history h
        where h.workspace_id = ${member.workspace} ${kind} ${path} and ${seen}
        order by h.id desc ${limitTo(query, { perPage: 100 })}`);
      return rows.map((row) => ({ ...row, created_at: row.created_at.toISOString() }));
    },
  };
}

/** Routes of triggers of every kind, which differ only in what they store. */
export function triggerRoutes(services: Services): Route[] {
  const ofKinds = triggerKinds.flatMap((kind) => {
    const handlers = handlersOf(services, kind);
    const operations = triggerOperationsOf(kind);
    return (Object.keys(operations) as TriggerVerb[]).map((verb): Route => ({
      operation: operations[verb],
      handle: handlers[verb] as unknown as AnyHandler,
    }));
  });
  return [...ofKinds, ...mount(triggerAddressOperations, across(services))];
}
