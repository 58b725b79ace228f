import { allowed, ApiError, notFound, type aclOperations, type Acl, type Member } from "@towermill/contract";
import { sql, type Queryable, type Sql } from "@towermill/store";
import type { Handlers } from "../http/call.ts";
import { audit } from "../identity/audit.ts";
import { ownedFolder, readableFolder } from "../identity/folder.ts";
import { forgetEveryMember } from "../identity/invalidate.ts";
import { workspaceTables } from "../identity/workspace-tables.ts";
import type { Services } from "../services.ts";
import { administersGroup } from "./groups.ts";
import { ownsPath } from "./members.ts";

interface Target {
  kind: string;
  path: string;
}

interface Place {
  table: Sql;
  /** Condition for the rows of the item: of a script all versions, so that old ones follow the newest's permissions. */
  rows: Sql;
  /** The row that counts. */
  order: Sql;
}

/** Where the permissions of an item are. @throws ApiError `not_found` for kinds that have no table */
async function placeOf(db: Queryable, member: Member, { kind, path }: Target): Promise<Place> {
  const name = kind === "raw_app" ? "app" : kind;
  const table = (await workspaceTables(db)).find((found) => found.name === name);
  const key = table && ["path", "name"].find((column) => table.columns.includes(column));
  if (!table?.columns.includes("extra_perms") || !key) throw notFound(kind, path);
  const order = name === "script" ? sql`order by archived or deleted, created_at desc` : sql.empty;
  return {
    table: sql.ident(name),
    rows: sql`workspace_id = ${member.workspace} and ${sql.ident(key)} = ${path}`,
    order,
  };
}

async function readPerms(db: Queryable, { table, rows, order }: Place, target: Target): Promise<Acl> {
  const row = await db.maybe<{ extra_perms: Acl }>(
    sql`select extra_perms from ${table} where ${rows} ${order} limit 1`,
  );
  if (!row) throw notFound(target.kind, target.path);
  return row.extra_perms;
}

async function requireReader(db: Queryable, member: Member, { kind, path, acl }: Target & { acl: Acl }): Promise<void> {
  // Who is in which group is no secret inside a workspace.
  if (kind === "group_") return;
  if (kind === "folder") await readableFolder(db, member, path);
  else if (!allowed(member, "read", path, acl)) throw notFound(kind, path);
}

/** Sharing is for owners: who was only given write access cannot pass it on. */
async function requireOwner(tx: Queryable, member: Member, target: Target & { acl: Acl }): Promise<void> {
  const { kind, path, acl } = target;
  await requireReader(tx, member, target);
  if (kind === "folder") {
    await ownedFolder(tx, member, path);
    return;
  }
  const owner = kind === "group_" ? administersGroup(member, acl) : ownsPath(member, path);
  if (!owner) throw new ApiError("forbidden", `u/${member.username} does not own the ${kind} ${path}`);
}

export function aclHandlers({ db, bus }: Services): Handlers<typeof aclOperations> {
  const change = async (member: Member, target: Target, { owner, write }: { owner: string; write: boolean | null }) => {
    await db.transaction(async (tx) => {
      const place = await placeOf(tx, member, target);
      await tx.query(sql`select from ${place.table} where ${place.rows} for update`);
      await requireOwner(tx, member, { ...target, acl: await readPerms(tx, place, target) });
      const perms =
        write === null
          ? sql`extra_perms - ${owner}::text`
          : sql`extra_perms || jsonb_build_object(${owner}::text, ${write}::boolean)`;
      await tx.execute(sql`update ${place.table} set extra_perms = ${perms} where ${place.rows}`);
      await audit(tx, {
        workspace: member.workspace,
        username: member.username,
        operation: write === null ? "acls.remove" : "acls.add",
        actionKind: "Updated",
        resource: `${target.kind}/${target.path}`,
        parameters: { owner, ...(write === null ? {} : { write }) },
      });
    });
    if (target.kind === "folder" || target.kind === "group_") forgetEveryMember(bus);
    else bus.publish("changed", [`${target.kind}:${member.workspace}:${target.path}`]);
  };
  return {
    async getGranularAcls({ member, params: { kind, path } }) {
      const acl = await readPerms(db, await placeOf(db, member, { kind, path }), { kind, path });
      await requireReader(db, member, { kind, path, acl });
      return { ...acl };
    },
    async addGranularAcls({ member, params: { kind, path }, body }) {
      await change(member, { kind, path }, { owner: body.owner, write: body.write ?? false });
      return "Successfully modified granular acl";
    },
    async removeGranularAcls({ member, params: { kind, path }, body }) {
      await change(member, { kind, path }, { owner: body.owner, write: null });
      return "Successfully removed granular acl";
    },
  };
}
