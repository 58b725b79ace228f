import type { ExportQuery } from "@towermill/contract";
import { sql } from "@towermill/store";
import {
  datatableMigrationEntries,
  dependenciesEntry,
  encryptionKeyEntry,
  folderEntry,
  groupEntry,
  memberEntry,
  settingsEntry,
  type Entry,
  type FolderItem,
  type GroupItem,
  type MemberItem,
} from "@towermill/workspace-files";
import { readSettings } from "../identity/workspace-settings.ts";
import type { Services } from "../services.ts";
import type { Reader } from "./export-read.ts";
import { readMigrations } from "./datatables.ts";
import { currentDependencies } from "./workspace-dependencies.ts";

type Entries = AsyncGenerator<Entry>;

/** Folders the reader may read. */
export async function* folderEntries({ db, member }: Reader): Entries {
  const mine = member.isAdmin ? sql`true` : sql`name = any(${[...member.foldersRead]}::text[])`;
  const rows = await db.query<FolderItem & object>(sql`
    select name, display_name, summary, owners, extra_perms, default_permissioned_as, labels from folder
    where workspace_id = ${member.workspace} and ${mine} order by name`);
  for (const row of rows) yield folderEntry(row);
}

async function* members({ db, member }: Reader): Entries {
  const rows = await db.query<MemberItem & object>(sql`
    select email, username, is_admin, operator, disabled from member where workspace_id = ${member.workspace} order by email`);
  for (const row of rows) yield memberEntry(row);
}

/** `all` is not written: who is in it follows from who is in the workspace. */
async function* groups({ db, member }: Reader): Entries {
  const rows = await db.query<GroupItem & object>(sql`
    select g.name, g.summary, g.extra_perms, array(select m.username from group_member m
      where m.workspace_id = g.workspace_id and m.group_name = g.name order by 1) as members
    from group_ g where g.workspace_id = ${member.workspace} and g.name <> 'all' order by g.name`);
  for (const row of rows) yield groupEntry(row);
}

async function settings({ db, member }: Reader, { plain }: { plain: boolean }): Promise<Entry> {
  const { name } = await db.one<{ name: string }>(sql`select name from workspace where id = ${member.workspace}`);
  const { slack_oauth_client_secret: secret, ...known } = await readSettings(db, member);
  return settingsEntry(name, plain && secret !== undefined ? { ...known, slack_oauth_client_secret: secret } : known);
}

async function* dependencies({ db, member }: Reader): Entries {
  for (const row of await currentDependencies(db, member.workspace)) {
    const entry = dependenciesEntry(row);
    if (entry) yield entry;
  }
}

/** Migrations of data tables; those of one come together, the way back before the way on. */
export async function* migrationEntries({ db, member }: Reader): Entries {
  for (const row of await readMigrations(db, member.workspace)) yield* datatableMigrationEntries(row);
}

/** What a workspace is besides its items, as files. */
export async function* workspaceEntries({ vault }: Services, reader: Reader, query: ExportQuery): Entries {
  yield* folderEntries(reader);
  if (query.include_users) yield* members(reader);
  if (query.include_groups) yield* groups(reader);
  if (query.include_settings) yield settings(reader, { plain: query.plain_secret ?? query.plain_secrets ?? false });
  if (query.include_key) yield encryptionKeyEntry(await vault.key(reader.member.workspace));
  if (query.include_workspace_dependencies) yield* dependencies(reader);
  if (!query.skip_datatable_migrations) yield* migrationEntries(reader);
}
