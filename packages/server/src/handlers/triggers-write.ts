import {
  ApiError,
  jsonMembers,
  notFound,
  requireItemPath,
  type Member,
  type TriggerBody,
  type TriggerKind,
} from "@towermill/contract";
import { isUniqueViolation, sql, type Queryable, type Sql } from "@towermill/store";
import { requireWritable, requireWriteAt } from "../http/item.ts";
import { headerOf } from "../http/socket.ts";
import { audit } from "../identity/audit.ts";
import type { Caller } from "../identity/caller.ts";
import type { Services } from "../services.ts";
import { shareAsSent } from "./acls-sent.ts";
import { moveToTrash, rowAt } from "./trash-keep.ts";
import { claimOf, configFrom, triggerAt, triggerTable, type Claim, type TriggerRow } from "./triggers-row.ts";

export interface TriggerCall {
  caller: Caller;
  member: Member;
  request: Request;
}

interface Sent {
  body: TriggerBody;
  bodyText: string;
}

type Happened = "create" | "update" | "delete" | "enable" | "disable" | "suspend";

async function note(
  tx: Queryable,
  { member, request }: TriggerCall,
  { kind, path, what }: { kind: TriggerKind; path: string; what: Happened },
): Promise<void> {
  const { workspace, username } = member;
  const verb = ["create", "delete"].includes(what) ? what : "update";
  const actionKind = verb === "create" ? "Created" : verb === "delete" ? "Delete" : "Updated";
  await audit(tx, { workspace, username, operation: `${kind}_triggers.${verb}`, actionKind, resource: path });
  const source = headerOf(request, "x-windmill-client") === "cli" ? "cli" : "api";
  await tx.execute(sql`
    insert into trigger_history (workspace_id, trigger_kind, path, operation, source, username)
    values (${workspace}, ${kind}, ${path}, ${what}, ${source}, ${username})`);
}

/** Whom a trigger runs as: whoever saves it, unless an admin or a member of `wm_deployers` keeps another. */
async function identityOf(db: Queryable, member: Member, body: TriggerBody): Promise<{ as: string; email: string }> {
  const own = { as: `u/${member.username}`, email: member.email };
  const wanted = body.permissioned_as;
  const mayKeep = member.isAdmin || member.groups.includes("wm_deployers");
  if (!wanted || !body.preserve_permissioned_as || !mayKeep || wanted === own.as) return own;
  if (wanted.startsWith("g/")) return { as: wanted, email: `group-${wanted.slice(2)}@windmill.dev` };
  const row = await db.maybe<{ email: string }>(sql`
    select email from member where workspace_id = ${member.workspace} and username = ${wanted.replace(/^u\//, "")}
      and not disabled`);
  if (!row) throw new ApiError("bad_request", `permissioned_as: ${wanted} is no member of ${member.workspace}`);
  return { as: wanted, email: row.email };
}

/** Whether an address is held within the workspace only; in a fork all are, for its parent answers to the same ones. */
function heldWithin({ workspace }: Member, claim: Claim): Sql {
  return sql`(${claim.workspaced} or exists (select from workspace where id = ${workspace} and parent_workspace_id is not null))`;
}

/** A route outside the workspace's own takes a name from everybody else. @throws ApiError `forbidden` */
function requireClaimable(member: Member, kind: TriggerKind, claim: Claim): void {
  if (claim.address === null || claim.workspaced || member.isAdmin) return;
  const field = kind === "http" ? "workspaced_route" : "workspaced_local_part";
  throw new ApiError("forbidden", `${field}: only admins may use an address outside the workspace's own`);
}

function taken(kind: TriggerKind, path: string) {
  return (error: unknown): never => {
    if (isUniqueViolation(error, `${kind}_trigger_claim`)) {
      const what =
        kind === "http"
          ? "route_path: another trigger answers to this method and route"
          : "local_part: another trigger has this address";
      throw new ApiError("already_exists", what);
    }
    throw isUniqueViolation(error) ? new ApiError("already_exists", `${kind} trigger ${path} already exists`) : error;
  };
}

async function locked(tx: Queryable, call: TriggerCall, at: { kind: TriggerKind; path: string }): Promise<TriggerRow> {
  const { kind, path } = at;
  const { workspace } = call.member;
  await tx.query(sql`
    select from ${triggerTable(kind)} where workspace_id = ${workspace} and path = ${path} for update`);
  const row = await triggerAt(tx, kind, { workspace, path });
  if (!row) throw notFound(`${kind} trigger`, path);
  requireWritable(call, { domain: `${kind}_triggers`, kind: `${kind} trigger`, path, acl: row.extra_perms });
  return row;
}

function modeOf(body: TriggerBody): string | null {
  return (
    body.mode ?? (body.enabled === undefined || body.enabled === null ? null : body.enabled ? "enabled" : "disabled")
  );
}

/** @throws ApiError `invalid_path`, `forbidden`, `already_exists`, `bad_request` */
export async function createTrigger(
  { db, bus }: Services,
  call: TriggerCall,
  { kind, ...sent }: Sent & { kind: TriggerKind },
): Promise<string> {
  const { member } = call;
  const { body } = sent;
  const path = requireItemPath(body.path);
  requireWriteAt(call, { domain: `${kind}_triggers`, path });
  const config = configFrom(kind, sent.bodyText);
  if (kind === "http" && !jsonMembers(config).has("route_path"))
    throw new ApiError("bad_request", "body.route_path: is missing");
  const claim = claimOf(kind, config);
  requireClaimable(member, kind, claim);
  await db
    .transaction(async (tx) => {
      const { as, email } = await identityOf(tx, member, body);
      await tx.execute(sql`
        insert into ${triggerTable(kind)} (workspace_id, path, script_path, is_flow, mode, config, claim, claim_workspaced,
          permissioned_as, email, labels, edited_by)
        values (${member.workspace}, ${path}, ${body.script_path}, ${body.is_flow}, ${modeOf(body) ?? "enabled"}, ${config},
          ${claim.address}, ${heldWithin(member, claim)}, ${as}, ${email}, ${body.labels},
          ${member.username})`);
      await shareAsSent(tx, { member, bodyText: sent.bodyText }, { table: `${kind}_trigger`, path });
      await note(tx, call, { kind, path, what: "create" });
    })
    .catch(taken(kind, path));
  bus.publish("changed", [`${kind}_trigger:${member.workspace}:${path}`]);
  return path;
}

/** @throws ApiError as {@link createTrigger}, and `not_found` */
export async function updateTrigger(
  { db, bus }: Services,
  call: TriggerCall,
  { kind, path, ...sent }: Sent & { kind: TriggerKind; path: string },
): Promise<string> {
  const { member } = call;
  const { body } = sent;
  const to = body.path === path ? path : requireItemPath(body.path);
  await db
    .transaction(async (tx) => {
      const row = await locked(tx, call, { kind, path });
      if (to !== path) requireWriteAt(call, { domain: `${kind}_triggers`, path: to });
      // People who are no admins may leave the address out to keep it.
      const address = [...jsonMembers(row.config)].filter(([name]) =>
        ["route_path", "workspaced_route"].includes(name),
      );
      const config = configFrom(kind, sent.bodyText, kind === "http" ? address : []);
      const claim = claimOf(kind, config);
      const before = claimOf(kind, row.config);
      if (claim.address !== before.address || claim.workspaced !== before.workspaced)
        requireClaimable(member, kind, claim);
      const { as, email } = await identityOf(tx, member, body);
      await tx.execute(sql`
        update ${triggerTable(kind)} set path = ${to}, script_path = ${body.script_path}, is_flow = ${body.is_flow},
          mode = ${modeOf(body) ?? row.mode}, config = ${config}, claim = ${claim.address},
          claim_workspaced = ${heldWithin(member, claim)}, permissioned_as = ${as}, email = ${email},
          labels = ${body.labels === undefined ? row.labels : body.labels},
          edited_by = ${member.username}, edited_at = now()
        where workspace_id = ${member.workspace} and path = ${path}`);
      await shareAsSent(tx, { member, bodyText: sent.bodyText }, { table: `${kind}_trigger`, path: to });
      await note(tx, call, { kind, path: to, what: "update" });
    })
    .catch(taken(kind, to));
  bus.publish("changed", [`${kind}_trigger:${member.workspace}:${path}`, `${kind}_trigger:${member.workspace}:${to}`]);
  return to;
}

/** @throws ApiError `not_found`, `forbidden` */
export async function setTriggerMode(
  { db, bus }: Services,
  call: TriggerCall,
  { kind, path, mode }: { kind: TriggerKind; path: string; mode: "enabled" | "disabled" | "suspended" },
): Promise<void> {
  const { workspace, username } = call.member;
  const what = mode === "enabled" ? "enable" : mode === "disabled" ? "disable" : "suspend";
  await db.transaction(async (tx) => {
    await locked(tx, call, { kind, path });
    await tx.execute(sql`
      update ${triggerTable(kind)} set mode = ${mode}, edited_by = ${username}, edited_at = now()
      where workspace_id = ${workspace} and path = ${path}`);
    await note(tx, call, { kind, path, what });
  });
  bus.publish("changed", [`${kind}_trigger:${workspace}:${path}`]);
}

/** Moves a trigger to the trash. @throws ApiError `not_found`, `forbidden` */
export async function deleteTrigger(
  { db, bus }: Services,
  call: TriggerCall,
  { kind, path }: { kind: TriggerKind; path: string },
): Promise<void> {
  const { member } = call;
  await db.transaction(async (tx) => {
    const { extra_perms: acl } = await locked(tx, call, { kind, path });
    const table = `${kind}_trigger`;
    await moveToTrash(tx, member, { kind: table, path, acl, rows: [rowAt(member, table, path)] });
    await tx.execute(sql`
      delete from ${triggerTable(kind)} where workspace_id = ${member.workspace} and path = ${path}`);
    await note(tx, call, { kind, path, what: "delete" });
  });
  bus.publish("changed", [`${kind}_trigger:${member.workspace}:${path}`]);
}
