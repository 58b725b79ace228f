import { ApiError, notFound, requireItemPath, type Acl, type resourcesOperations } from "@towermill/contract";
import { isUniqueViolation, sql, type Queryable } from "@towermill/store";
import type { Call } from "../http/call.ts";
import { requireWritable, requireWriteAt } from "../http/item.ts";
import { memberText } from "../http/verbatim.ts";
import { audit } from "../identity/audit.ts";
import type { Services } from "../services.ts";
import { shareAsSent } from "./acls-sent.ts";
import { deleteLinked, moveLinked } from "./resources-linked.ts";
import { keepResourceVersion } from "./resource-history.ts";
import { trashLinked } from "./trash-linked.ts";

type CallOf<Id extends string> = Call<Extract<(typeof resourcesOperations)[number], { id: Id }>>;
type Who = Pick<CallOf<"deleteResource">, "member" | "caller">;

function taken(path: string): ApiError {
  return new ApiError("already_exists", `Resource ${path} already exists`);
}

async function lockWritable(tx: Queryable, who: Who, path: string): Promise<Acl> {
  const row = await tx.maybe<{ extra_perms: Acl }>(
    sql`select extra_perms from resource where workspace_id = ${who.member.workspace} and path = ${path} for update`,
  );
  if (!row) throw notFound("Resource", path);
  requireWritable(who, { domain: "resources", kind: "Resource", path, acl: row.extra_perms });
  return row.extra_perms;
}

async function note(
  tx: Queryable,
  { member }: Who,
  what: { operation: string; actionKind: "Created" | "Updated" | "Delete"; path: string },
): Promise<void> {
  const { workspace, username } = member;
  await audit(tx, { workspace, username, operation: what.operation, actionKind: what.actionKind, resource: what.path });
}

async function remove(tx: Queryable, who: Who, path: string): Promise<void> {
  const acl = await lockWritable(tx, who, path);
  const { workspace } = who.member;
  await trashLinked(tx, who.member, { kind: "resource", path, acl });
  await deleteLinked(tx, "variable", { workspace, path });
  await tx.execute(sql`delete from resource where workspace_id = ${workspace} and path = ${path}`);
  await note(tx, who, { operation: "resources.delete", actionKind: "Delete", path });
}

async function create(tx: Queryable, call: CallOf<"createResource">, path: string): Promise<void> {
  const { body, member } = call;
  const value = memberText(call.bodyText, "value") ?? null;
  if (call.query.update_if_exists) await keepResourceVersion(tx, member, { path, next: value });
  const overwrite = sql`do update set value = excluded.value, resource_type = excluded.resource_type, edited_at = now(),
    description = coalesce(excluded.description, resource.description), labels = coalesce(excluded.labels, resource.labels)`;
  const written = await tx.execute(sql`
    insert into resource (workspace_id, path, value, description, resource_type, labels, ws_specific, created_by)
    values (${member.workspace}, ${path}, ${value}, ${body.description}, ${body.resource_type}, ${body.labels},
      ${body.ws_specific ?? false}, ${member.username})
    on conflict (workspace_id, path) ${call.query.update_if_exists ? overwrite : sql`do nothing`}`);
  if (written === 0) throw taken(path);
  await shareAsSent(tx, call, { table: "resource", path });
  await note(tx, call, { operation: "resources.create", actionKind: "Created", path });
}

/** Everything that changes resources. */
export function resourceWrites({ db }: Services) {
  return {
    async createResource(call: CallOf<"createResource">) {
      const path = requireItemPath(call.body.path);
      await db.transaction(async (tx) => {
        const old = await tx.maybe<{ extra_perms: Acl }>(
          sql`select extra_perms from resource where workspace_id = ${call.member.workspace} and path = ${path} for update`,
        );
        requireWriteAt(call, { domain: "resources", path, ...(old ? { acl: old.extra_perms } : {}) });
        await create(tx, call, path);
      });
      return `resource ${path} created`;
    },
    async deleteResource(call: CallOf<"deleteResource">) {
      await db.transaction((tx) => remove(tx, call, call.params.path));
      return `resource ${call.params.path} deleted`;
    },
    async deleteResourcesBulk(call: CallOf<"deleteResourcesBulk">) {
      const paths = [...new Set(call.body.paths)];
      await db.transaction(async (tx) => {
        for (const path of paths) await remove(tx, call, path);
      });
      return paths;
    },
    async updateResource(call: CallOf<"updateResource">) {
      const { body, params, member } = call;
      const { workspace } = member;
      const to = body.path && body.path !== params.path ? requireItemPath(body.path) : params.path;
      const value = memberText(call.bodyText, "value");
      await db
        .transaction(async (tx) => {
          await lockWritable(tx, call, params.path);
          if (value !== undefined) await keepResourceVersion(tx, member, { path: params.path, next: value });
          if (to !== params.path) {
            requireWriteAt(call, { domain: "resources", path: to });
            await tx.execute(sql`
              update resource_version set path = ${to} where workspace_id = ${workspace} and path = ${params.path}`);
            await moveLinked(tx, "variable", { workspace, path: params.path, to });
          }
          await tx.execute(sql`
            update resource set path = ${to}, value = ${value === undefined ? sql`value` : sql`${value}::json`},
              description = coalesce(${body.description}, description),
              resource_type = coalesce(${body.resource_type}, resource_type),
              labels = ${body.labels === undefined ? sql`labels` : sql`${body.labels}::text[]`},
              ws_specific = coalesce(${body.ws_specific}, ws_specific), edited_at = now()
            where workspace_id = ${workspace} and path = ${params.path}`);
          await shareAsSent(tx, call, { table: "resource", path: to });
          await note(tx, call, { operation: "resources.update", actionKind: "Updated", path: to });
        })
        .catch((error: unknown) => {
          throw isUniqueViolation(error) ? taken(to) : error;
        });
      return `resource ${to} updated`;
    },
    async updateResourceValue(call: CallOf<"updateResourceValue">) {
      const { path } = call.params;
      await db.transaction(async (tx) => {
        await lockWritable(tx, call, path);
        const value = memberText(call.bodyText, "value") ?? null;
        await keepResourceVersion(tx, call.member, { path, next: value });
        await tx.execute(sql`
          update resource set value = ${value}::json, edited_at = now()
          where workspace_id = ${call.member.workspace} and path = ${path}`);
        await note(tx, call, { operation: "resources.update", actionKind: "Updated", path });
      });
      return `value of resource ${path} updated`;
    },
  };
}
