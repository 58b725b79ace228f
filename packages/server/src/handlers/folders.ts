import { ApiError, type folderOperations, type Member } from "@towermill/contract";
import { sql, type Queryable, type Sql } from "@towermill/store";
import type { Handlers } from "../http/call.ts";
import { limitTo } from "../http/page.ts";
import { startsWith } from "../http/visibility.ts";
import { audit } from "../identity/audit.ts";
import {
  changeOwner,
  createFolder,
  folderColumns,
  ownedFolder,
  readableFolder,
  updateFolder,
  type FolderRow,
} from "../identity/folder.ts";
import { forgetEveryMember } from "../identity/invalidate.ts";
import { workspaceTables } from "../identity/workspace-tables.ts";
import type { Services } from "../services.ts";

function shown(row: FolderRow) {
  return {
    name: row.name,
    ...(row.display_name === null ? {} : { display_name: row.display_name }),
    owners: row.owners,
    extra_perms: { ...row.extra_perms },
    ...(row.summary === null ? {} : { summary: row.summary }),
    ...(row.created_by === null ? {} : { created_by: row.created_by }),
    edited_at: row.edited_at.toISOString(),
    ...(row.default_permissioned_as === null ? {} : { default_permissioned_as: row.default_permissioned_as }),
    ...(row.labels === null ? {} : { labels: row.labels }),
  };
}

function seen(member: Member): Sql {
  const inWorkspace = sql`workspace_id = ${member.workspace}`;
  return member.isAdmin ? inWorkspace : sql`${inWorkspace} and name = any(${[...member.foldersRead]}::text[])`;
}

const counted = {
  scripts: "script",
  flows: "flow",
  apps: "app",
  resources: "resource",
  variables: "variable",
  schedules: "schedule",
};

async function itemsIn(
  db: Queryable,
  workspace: string,
  folder: string,
): Promise<Record<keyof typeof counted, number>> {
  const tables = new Map((await workspaceTables(db)).map((table) => [table.name, table.columns]));
  const usage = { scripts: 0, flows: 0, apps: 0, resources: 0, variables: 0, schedules: 0 };
  for (const [field, table] of Object.entries(counted) as [keyof typeof counted, string][]) {
    const columns = tables.get(table);
    if (!columns) continue;
    const alive = ["archived", "deleted"]
      .filter((column) => columns.includes(column))
      .map((column) => sql`and not ${sql.ident(column)}`);
    const { count } = await db.one<{ count: number }>(sql`
      select count(*)::int as count from ${sql.ident(table)}
      where workspace_id = ${workspace} and ${startsWith(sql`path`, `f/${folder}/`)} ${sql.join(alive, sql` `)}`);
    usage[field] = count;
  }
  return usage;
}

/** Items outlive their folder; whoever makes a folder of that name again would own them. */
async function requireUnclaimed(db: Queryable, member: Member, name: string): Promise<void> {
  if (member.isAdmin) return;
  const left = Object.values(await itemsIn(db, member.workspace, name)).some((count) => count > 0);
  if (left)
    throw new ApiError(
      "forbidden",
      `Items of an earlier folder ${name} still exist: only an admin may create it again`,
    );
}

type Readers = "listFolders" | "listFolderNames" | "getFolder" | "existsFolder" | "getFolderUsage";

function readers({ db }: Services): Pick<Handlers<typeof folderOperations>, Readers> {
  return {
    async listFolders({ member, query }) {
      const rows = await db.query<FolderRow>(sql`
        select ${folderColumns} from folder where ${seen(member)} order by name ${limitTo(query)}`);
      return rows.map(shown);
    },
    async listFolderNames({ member, query }) {
      const mine = query.only_member_of ? sql`and name = any(${[...member.foldersRead]}::text[])` : sql.empty;
      const rows = await db.query<{ name: string }>(sql`
        select name from folder where ${seen(member)} ${mine} order by name ${limitTo(query)}`);
      return rows.map((row) => row.name);
    },
    getFolder: async ({ member, params }) => shown(await readableFolder(db, member, params.name)),
    async existsFolder({ member, params }) {
      return (await db.maybe(sql`select from folder where ${seen(member)} and name = ${params.name}`)) !== undefined;
    },
    async getFolderUsage({ member, params }) {
      await readableFolder(db, member, params.name);
      return itemsIn(db, member.workspace, params.name);
    },
  };
}

export function folderHandlers(services: Services): Handlers<typeof folderOperations> {
  const { db, bus } = services;
  const change = async (
    member: Member,
    { name, operation }: { name: string; operation: string },
    work: (tx: Queryable) => Promise<unknown>,
  ) => {
    await db.transaction(async (tx) => {
      await work(tx);
      const actionKind =
        operation === "folder.create" ? "Created" : operation === "folder.delete" ? "Delete" : "Updated";
      await audit(tx, {
        workspace: member.workspace,
        username: member.username,
        operation,
        actionKind,
        resource: name,
      });
    });
    forgetEveryMember(bus);
  };
  return {
    ...readers(services),
    async createFolder({ member, body: { name, ...content } }) {
      await change(member, { name, operation: "folder.create" }, async (tx) => {
        await requireUnclaimed(tx, member, name);
        await createFolder(tx, member, { name, content });
      });
      return `Created folder ${name}`;
    },
    async updateFolder({ member, params: { name }, body }) {
      await change(member, { name, operation: "folder.update" }, (tx) =>
        updateFolder(tx, member, { name, content: body }),
      );
      return `Updated folder ${name}`;
    },
    async deleteFolder({ member, params: { name } }) {
      await change(member, { name, operation: "folder.delete" }, async (tx) => {
        await ownedFolder(tx, member, name);
        await tx.execute(sql`delete from folder where workspace_id = ${member.workspace} and name = ${name}`);
      });
      return `Deleted folder ${name}`;
    },
    async addOwnerToFolder({ member, params: { name }, body: { owner } }) {
      const operation = "folder.add_owner";
      await change(member, { name, operation }, (tx) => changeOwner(tx, member, { name, owner, owns: true }));
      return `Added ${owner} as owner of folder ${name}`;
    },
    async removeOwnerToFolder({ member, params: { name }, body: { owner, write } }) {
      const operation = "folder.remove_owner";
      await change(member, { name, operation }, (tx) =>
        changeOwner(tx, member, { name, owner, owns: false, write: write ?? undefined }),
      );
      return `Removed ${owner} as owner of folder ${name}`;
    },
  };
}
