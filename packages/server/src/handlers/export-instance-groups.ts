import { ApiError, notFound, type instanceGroupsOperations } from "@towermill/contract";
import { isUniqueViolation, sql, type Queryable, type Sql } from "@towermill/store";
import type { Handlers } from "../http/call.ts";
import { audit, globalAudit, type AuditEntry } from "../identity/audit.ts";
import { wholeAccountOf } from "../identity/actor.ts";
import type { Caller } from "../identity/caller.ts";
import type { Services } from "../services.ts";

interface GroupRow {
  name: string;
  summary: string | null;
  emails: string[];
  id: string | null;
  scim_display_name: string | null;
  external_id: string | null;
}

function set<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const kept = Object.entries(fields).filter(([, value]) => value !== null);
  return Object.fromEntries(kept) as { [K in keyof T]?: NonNullable<T[K]> };
}

const shown = ({ name, emails, summary }: GroupRow) => ({ name, emails, ...set({ summary }) });

async function note(tx: Queryable, caller: Caller, entry: Pick<AuditEntry, "operation" | "actionKind" | "resource">) {
  await audit(tx, { workspace: globalAudit, username: wholeAccountOf(caller).account.email, ...entry });
}

function readers({ db }: Services) {
  const read = (condition: Sql) =>
    db.query<GroupRow & object>(sql`
      select name, summary, emails, id, scim_display_name, external_id from instance_group where ${condition} order by name`);
  const workspacesOf = (name: string) =>
    db.query<{ workspace_id: string; workspace_name: string; role: string }>(sql`
      select id as workspace_id, name as workspace_name,
        coalesce(settings -> 'auto_invite' -> 'instance_groups_roles' ->> ${name}, 'developer') as role
      from workspace where settings -> 'auto_invite' -> 'instance_groups' ? ${name} order by id`);
  const detailed = async (row: GroupRow) => ({ ...shown(row), workspaces: await workspacesOf(row.name) });
  return {
    listInstanceGroups: async () => (await read(sql`true`)).map(shown),
    listInstanceGroupsWithWorkspaces: async () => Promise.all((await read(sql`true`)).map(detailed)),
    async getInstanceGroup({ params: { name } }) {
      const [row] = await read(sql`name = ${name}`);
      if (!row) throw notFound("Instance group", name);
      return detailed(row);
    },
    exportInstanceGroups: async () =>
      (await read(sql`true`)).map(({ name, emails, ...fields }) => ({ name, emails, ...set(fields) })),
  } satisfies Partial<Handlers<typeof instanceGroupsOperations>>;
}

/** Groups of accounts over all workspaces. They give no rights. */
export function instanceGroupsHandlers(services: Services): Handlers<typeof instanceGroupsOperations> {
  const { db } = services;
  const change = async (caller: Caller, { name, what, to }: { name: string; what: string; to: Sql }) => {
    await db.transaction(async (tx) => {
      const changed = await tx.execute(sql`update instance_group set ${to} where name = ${name}`);
      if (changed === 0) throw notFound("Instance group", name);
      await note(tx, caller, { operation: `igroup.${what}`, actionKind: "Updated", resource: name });
    });
    return `instance group ${name} updated`;
  };
  return {
    ...readers(services),
    async createInstanceGroup({ caller, body: { name, summary } }) {
      await db
        .transaction(async (tx) => {
          await tx.execute(sql`insert into instance_group (name, summary) values (${name}, ${summary})`);
          await note(tx, caller, { operation: "igroup.create", actionKind: "Created", resource: name });
        })
        .catch((error: unknown) => {
          if (!isUniqueViolation(error)) throw error;
          throw new ApiError("already_exists", `The instance group ${name} already exists`);
        });
      return `instance group ${name} created`;
    },
    updateInstanceGroup: ({ caller, params, body }) =>
      change(caller, { name: params.name, what: "update", to: sql`summary = ${body.new_summary}` }),
    addUserToInstanceGroup: ({ caller, params, body: { email } }) =>
      change(caller, {
        name: params.name,
        what: "adduser",
        to: sql`emails = array_append(array_remove(emails, ${email}), ${email})`,
      }),
    removeUserFromInstanceGroup: ({ caller, params, body: { email } }) =>
      change(caller, { name: params.name, what: "removeuser", to: sql`emails = array_remove(emails, ${email})` }),
    async deleteInstanceGroup({ caller, params: { name } }) {
      await db.transaction(async (tx) => {
        if ((await tx.execute(sql`delete from instance_group where name = ${name}`)) === 0)
          throw notFound("Instance group", name);
        await note(tx, caller, { operation: "igroup.delete", actionKind: "Delete", resource: name });
      });
      return `instance group ${name} deleted`;
    },
    async overwriteInstanceGroups({ caller, body }) {
      await db.transaction(async (tx) => {
        await tx.execute(sql`delete from instance_group`);
        for (const { name, summary, emails, id, scim_display_name, external_id } of body) {
          await tx.execute(sql`
            insert into instance_group (name, summary, emails, id, scim_display_name, external_id)
            values (${name}, ${summary}, ${emails ?? []}, ${id}, ${scim_display_name}, ${external_id})
            on conflict (name) do nothing`);
        }
        await note(tx, caller, { operation: "igroup.overwrite", actionKind: "Updated", resource: "instance groups" });
      });
      return `${body.length} instance groups written`;
    },
  };
}
