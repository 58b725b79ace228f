import { ApiError, notFound, requireItemPath, type EditApp, type Member } from "@towermill/contract";
import { isUniqueViolation, sql, type Queryable } from "@towermill/store";
import { requireWritable, requireWriteAt } from "../http/item.ts";
import { memberText } from "../http/verbatim.ts";
import { audit } from "../identity/audit.ts";
import type { Caller } from "../identity/caller.ts";
import type { Services } from "../services.ts";
import { absent } from "./absent.ts";
import { policyToStore } from "./apps-policy.ts";
import { appAt, executionMode, type AppRow } from "./apps-row.ts";
import { requireAppModeAllowed } from "./protection-rules-check.ts";
import { moveToTrash, rowAt } from "./trash-keep.ts";

export interface Who {
  caller: Caller;
  member: Member;
}

/** What a request wants an app to be. */
export interface AppChange {
  fields: EditApp;
  /** The fields as JSON text, from which value and policy are taken as they were sent. */
  text: string;
  raw: boolean;
  bundle?: { js: string | null; css: string | null };
}

const custom = /^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/;

/** A custom path is an address of the whole instance. @throws ApiError */
function requireCustomPath(member: Member, wanted: string | null | undefined, before: string | null): void {
  if (!wanted || wanted === before) return;
  if (!custom.test(wanted) || wanted.length > 255) {
    throw new ApiError("bad_request", "custom_path: holds only letters, digits, _ and -, with / between");
  }
  if (!member.isAdmin) throw new ApiError("forbidden", "custom_path: only admins may set it");
}

function taken(error: unknown, path: string): unknown {
  if (isUniqueViolation(error, "app_custom_path_key")) {
    return new ApiError("already_exists", "custom_path: another app has it");
  }
  return isUniqueViolation(error) ? new ApiError("already_exists", `App ${path} already exists`) : error;
}

async function note(
  tx: Queryable,
  { workspace, username }: Member,
  { verb, path }: { verb: "create" | "update" | "delete"; path: string },
): Promise<void> {
  const actionKind = verb === "create" ? "Created" : verb === "update" ? "Updated" : "Delete";
  await audit(tx, { workspace, username, operation: `apps.${verb}`, actionKind, resource: path });
}

async function addVersion(tx: Queryable, member: Member, change: AppChange & { appId: number; value: string }) {
  const { id } = await tx.one<{ id: number }>(sql`
    insert into app_version (app_id, value, deployment_msg, created_by, js, css)
    values (${change.appId}, ${change.value}, ${change.fields.deployment_message}, ${member.username},
      ${change.bundle?.js ?? null}, ${change.bundle?.css ?? null}) returning id`);
  await tx.execute(sql`update app set version = ${id} where id = ${change.appId}`);
  return id;
}

async function dropDrafts(tx: Queryable, member: Member, { paths, fields }: { paths: string[]; fields: EditApp }) {
  if (fields.skip_draft_deletion) return;
  await tx.execute(sql`
    delete from draft where workspace_id = ${member.workspace} and kind in ('app', 'raw_app')
      and email in (${member.email}, '') and path = any(${paths}::text[])`);
}

/** @throws ApiError `invalid_path`, `forbidden`, `already_exists`, `bad_request` */
export async function createApp(services: Services, who: Who, change: AppChange): Promise<string> {
  const { fields, text } = change;
  const { member } = who;
  const path = requireItemPath(fields.path ?? "");
  requireWriteAt(who, { domain: "apps", path });
  requireCustomPath(member, fields.custom_path, null);
  const value = memberText(text, "value") ?? "null";
  await services.db
    .transaction(async (tx) => {
      const sent = memberText(text, "policy");
      const keepsIdentity = fields.preserve_on_behalf_of ?? false;
      const policy = await policyToStore(tx, member, { sent, before: null, keepsIdentity });
      await requireAppModeAllowed(tx, member, executionMode(policy));
      const { id } = await tx.one<{ id: number }>(sql`
        insert into app (workspace_id, path, summary, custom_path, policy, raw_app, labels)
        values (${member.workspace}, ${path}, ${fields.summary ?? ""}, ${fields.custom_path || null}, ${policy},
          ${change.raw}, ${fields.labels}) returning id`);
      await addVersion(tx, member, { ...change, appId: id, value });
      await dropDrafts(tx, member, { paths: [path], fields });
      await note(tx, member, { verb: "create", path });
    })
    .catch((error: unknown) => {
      throw taken(error, path);
    });
  services.bus.publish("changed", [`app:${member.workspace}:${path}`]);
  return path;
}

async function lockedApp(tx: Queryable, who: Who, path: string): Promise<AppRow> {
  await tx.query(sql`select from app where workspace_id = ${who.member.workspace} and path = ${path} for update`);
  const row = await appAt(tx, who.member.workspace, path);
  if (!row) throw notFound("App", path);
  requireWritable(who, { domain: "apps", kind: "App", path, acl: row.extra_perms });
  return row;
}

async function changeRow(tx: Queryable, who: Who, { row, to, change }: { row: AppRow; to: string; change: AppChange }) {
  const { fields, text } = change;
  const { member } = who;
  requireCustomPath(member, fields.custom_path, row.custom_path);
  const sent = memberText(text, "policy");
  const keepsIdentity = fields.preserve_on_behalf_of ?? false;
  const policy = await policyToStore(tx, member, { sent, before: row.policy, keepsIdentity });
  if (policy !== row.policy) await requireAppModeAllowed(tx, member, executionMode(policy));
  const value = memberText(text, "value");
  if (value !== undefined && change.raw !== row.raw_app && !fields.allow_kind_change) {
    const kind = row.raw_app ? "an app of one's own code" : "an app of components";
    throw new ApiError("bad_request", `App ${row.path} is ${kind}; send allow_kind_change to make it another`);
  }
  await tx.execute(sql`
    update app set path = ${to}, summary = ${fields.summary ?? row.summary}, policy = ${policy},
      custom_path = ${fields.custom_path === undefined || fields.custom_path === null ? row.custom_path : fields.custom_path || null},
      raw_app = ${value === undefined ? row.raw_app : change.raw},
      labels = ${fields.labels === undefined ? sql`labels` : sql`${fields.labels}::text[]`}
    where id = ${row.id}`);
  return value === undefined ? row.version : addVersion(tx, member, { ...change, appId: row.id, value });
}

/** @throws ApiError as {@link createApp}, and `not_found` */
export async function updateApp(
  services: Services,
  who: Who,
  { path, ...change }: AppChange & { path: string },
): Promise<{ path: string; version: number }> {
  const { fields } = change;
  const { member } = who;
  const to = fields.path && fields.path !== path ? requireItemPath(fields.path) : path;
  const version = await services.db
    .transaction(async (tx) => {
      const row = await lockedApp(tx, who, path);
      if (to !== path) requireWriteAt(who, { domain: "apps", path: to });
      const newest = await changeRow(tx, who, { row, to, change });
      await dropDrafts(tx, member, { paths: [path, to], fields });
      await note(tx, member, { verb: "update", path: to });
      return newest;
    })
    .catch((error: unknown) => {
      throw taken(error, to);
    });
  services.bus.publish("changed", [`app:${member.workspace}:${path}`, `app:${member.workspace}:${to}`]);
  return { path: to, version };
}

async function erase(tx: Queryable, { member }: Who, { id, path, raw_app, extra_perms: acl }: AppRow): Promise<void> {
  const versions = { table: "app_version", where: sql`app_id = ${id}` };
  const kind = raw_app ? "raw_app" : "app";
  await moveToTrash(tx, member, { kind, path, acl, rows: [rowAt(member, "app", path), versions] });
  await tx.execute(sql`delete from app where id = ${id}`);
  for (const table of ["draft", "favorite"]) {
    await tx.execute(sql`
      delete from ${sql.ident(table)}
      where workspace_id = ${member.workspace} and kind in ('app', 'raw_app') and path = ${path}`);
  }
  await note(tx, member, { verb: "delete", path });
}

/** Moves an app to the trash. @returns whether there was one. @throws ApiError `forbidden` */
export async function deleteApp({ db, bus }: Services, who: Who, path: string): Promise<boolean> {
  const deleted = await db.transaction(async (tx) => {
    const row = await lockedApp(tx, who, path).catch(absent);
    if (row) await erase(tx, who, row);
    return row !== undefined;
  });
  if (deleted) bus.publish("changed", [`app:${who.member.workspace}:${path}`]);
  return deleted;
}
