import { ApiError, notFound, type Acl, type groupOperations, type Member } from "@towermill/contract";
import { isUniqueViolation, sql, type Queryable } from "@towermill/store";
import type { Handlers } from "../http/call.ts";
import { limitTo } from "../http/page.ts";
import { audit } from "../identity/audit.ts";
import { forgetEveryMember } from "../identity/invalidate.ts";
import { removePrincipal } from "../identity/workspace-tables.ts";
import type { Services } from "../services.ts";

/** Groups whose name gives rights by itself: only admins make them. */
const reserved = new Set(["wm_deployers", "error_handler", "all"]);

interface GroupRow {
  name: string;
  summary: string | null;
  members: string[];
  extra_perms: Acl;
}

// Everybody is in `all` without a row for it.
const columns = sql`g.name, g.summary, g.extra_perms, case when g.name = 'all'
  then array(select m.username from member m where m.workspace_id = g.workspace_id and not m.disabled order by 1)
  else array(select x.username from group_member x where x.workspace_id = g.workspace_id and x.group_name = g.name order by 1)
  end as members`;

function shown({ name, summary, members, extra_perms }: GroupRow) {
  return { name, ...(summary === null ? {} : { summary }), members, extra_perms: { ...extra_perms } };
}

/** Whether a member may change a group: an admin, or somebody the group's permissions name as its admin. */
export function administersGroup(member: Member, acl: Acl): boolean {
  return (
    member.isAdmin || acl[`u/${member.username}`] === true || member.groups.some((group) => acl[`g/${group}`] === true)
  );
}

async function requireGroupAdmin(tx: Queryable, member: Member, name: string): Promise<void> {
  const row = await tx.maybe<{ extra_perms: Acl }>(
    sql`select extra_perms from group_ where workspace_id = ${member.workspace} and name = ${name} for update`,
  );
  if (!row) throw notFound("Group", name);
  if (!administersGroup(member, row.extra_perms)) {
    throw new ApiError("forbidden", `u/${member.username} is not an admin of the group ${name}`);
  }
}

async function createGroup(
  tx: Queryable,
  { workspace, username }: Member,
  { name, summary }: { name: string; summary: string | null },
) {
  const perms = { [`u/${username}`]: true };
  try {
    await tx.execute(sql`
      insert into group_ (workspace_id, name, summary, extra_perms)
      values (${workspace}, ${name}, ${summary}, ${sql.json(perms)}::jsonb)`);
  } catch (error) {
    if (isUniqueViolation(error)) throw new ApiError("already_exists", `The group ${name} already exists`);
    throw error;
  }
  // A super admin who is no member of the workspace makes groups without being in them.
  await tx.execute(sql`
    insert into group_member (workspace_id, group_name, username)
    select ${workspace}, ${name}, username from member where workspace_id = ${workspace} and username = ${username}`);
}

async function addToGroup(tx: Queryable, workspace: string, { name, username }: { name: string; username: string }) {
  const known = await tx.maybe(sql`select from member where workspace_id = ${workspace} and username = ${username}`);
  if (!known) throw notFound("User", username);
  await tx.execute(sql`
    insert into group_member (workspace_id, group_name, username) values (${workspace}, ${name}, ${username})
    on conflict do nothing`);
}

type Readers = "listGroups" | "listGroupNames" | "getGroup";

function readers({ db }: Services): Pick<Handlers<typeof groupOperations>, Readers> {
  return {
    async listGroups({ params, query }) {
      const rows = await db.query<GroupRow>(sql`
        select ${columns} from group_ g where g.workspace_id = ${params.workspace} order by g.name ${limitTo(query)}`);
      return rows.map(shown);
    },
    async listGroupNames({ member, query }) {
      const rows = await db.query<{ name: string }>(
        sql`select name from group_ where workspace_id = ${member.workspace} order by name`,
      );
      const names = rows.map((row) => row.name);
      return query.only_member_of ? names.filter((name) => member.groups.includes(name)) : names;
    },
    async getGroup({ params }) {
      const row = await db.maybe<GroupRow>(
        sql`select ${columns} from group_ g where g.workspace_id = ${params.workspace} and g.name = ${params.name}`,
      );
      if (!row) throw notFound("Group", params.name);
      return shown(row);
    },
  };
}

type GroupChange = { name: string; operation: string; username?: string };

/** Makes one change of a group, with its audit entry, for somebody who may. */
function changerOf({ db, bus }: Services) {
  return async (member: Member, entry: GroupChange, work: (tx: Queryable) => Promise<unknown>): Promise<void> => {
    const { name, operation, username } = entry;
    await db.transaction(async (tx) => {
      await requireGroupAdmin(tx, member, name);
      await work(tx);
      const actionKind = operation === "group.delete" ? "Delete" : "Updated";
      const parameters = username === undefined ? undefined : { username };
      await audit(tx, {
        workspace: member.workspace,
        username: member.username,
        operation,
        actionKind,
        resource: name,
        parameters,
      });
    });
    forgetEveryMember(bus);
  };
}

export function groupHandlers(services: Services): Handlers<typeof groupOperations> {
  const change = changerOf(services);
  return {
    ...readers(services),
    async createGroup({ member, body: { name, summary } }) {
      if (reserved.has(name) && !member.isAdmin)
        throw new ApiError("forbidden", `Only admins may create the group ${name}`);
      await services.db.transaction(async (tx) => {
        await createGroup(tx, member, { name, summary: summary ?? null });
        await audit(tx, {
          workspace: member.workspace,
          username: member.username,
          operation: "group.create",
          actionKind: "Created",
          resource: name,
        });
      });
      forgetEveryMember(services.bus);
      return `Created group ${name}`;
    },
    async updateGroup({ member, params: { workspace, name }, body }) {
      await change(member, { name, operation: "group.edit" }, (tx) =>
        tx.execute(
          sql`update group_ set summary = ${body.summary ?? null} where workspace_id = ${workspace} and name = ${name}`,
        ),
      );
      return `Updated group ${name}`;
    },
    async deleteGroup({ member, params: { workspace, name } }) {
      if (name === "all") throw new ApiError("bad_request", "The group all cannot be deleted: everybody is in it");
      await change(member, { name, operation: "group.delete" }, async (tx) => {
        await tx.execute(sql`delete from group_ where workspace_id = ${workspace} and name = ${name}`);
        await removePrincipal(tx, workspace, `g/${name}`);
      });
      return `Deleted group ${name}`;
    },
    async addUserToGroup({ member, params: { workspace, name }, body: { username } }) {
      await change(member, { name, operation: "group.adduser", username }, (tx) =>
        addToGroup(tx, workspace, { name, username }),
      );
      return `Added ${username} to group ${name}`;
    },
    async removeUserToGroup({ member, params: { workspace, name }, body: { username } }) {
      if (name === "all") throw new ApiError("bad_request", "Nobody can be taken out of the group all");
      await change(member, { name, operation: "group.removeuser", username }, (tx) =>
        tx.execute(sql`
          delete from group_member where workspace_id = ${workspace} and group_name = ${name} and username = ${username}`),
      );
      return `Removed ${username} from group ${name}`;
    },
  };
}
