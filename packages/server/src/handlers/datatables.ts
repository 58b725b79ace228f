import { notFound, type datatablesOperations } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import type { DatatableMigrationItem } from "@towermill/workspace-files";
import type { Handlers } from "../http/call.ts";
import { audit } from "../identity/audit.ts";
import { readSetting } from "../identity/workspace-settings.ts";
import type { Services } from "../services.ts";

interface Configured {
  database?: { resource_type?: unknown; resource_path?: unknown };
}

/** The members of an object inside a setting; none when it is not there. */
async function membersOf<T>(
  db: Queryable,
  workspace: string,
  [setting, member]: [string, string],
): Promise<[string, T][]> {
  const value = (await readSetting(db, workspace, setting)) as Record<string, unknown> | undefined;
  const members = value?.[member];
  return typeof members === "object" && members !== null ? (Object.entries(members) as [string, T][]) : [];
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** Migrations of all data tables of a workspace, in the order in which they are to be run. */
export function readMigrations(db: Queryable, workspace: string): Promise<DatatableMigrationItem[]> {
  return db.query<DatatableMigrationItem & object>(sql`
    select datatable, timestamp::float8 as timestamp, name, code_up, code_down from datatable_migration
    where workspace_id = ${workspace} order by datatable, datatable_migration.timestamp`);
}

export function datatablesHandlers({ db }: Services): Handlers<typeof datatablesOperations> {
  return {
    async listDataTables({ params: { workspace } }) {
      const tables = await membersOf<Configured>(db, workspace, ["datatable", "datatables"]);
      return tables.map(([name, { database }]) => ({
        name,
        resource_type: text(database?.resource_type),
        resource_path: text(database?.resource_path),
        permissioned: false,
      }));
    },
    async listDucklakes({ params: { workspace } }) {
      return (await membersOf(db, workspace, ["ducklake", "ducklakes"])).map(([name]) => name);
    },
    async listDatatableMigrations({ params: { workspace } }) {
      const rows = await readMigrations(db, workspace);
      return rows.map(({ code_down, ...row }) => ({ ...row, ...(code_down === null ? {} : { code_down }) }));
    },
    async upsertDatatableMigration({ member: { workspace, username }, params: { datatable_name: datatable }, body }) {
      const { timestamp, name, code_up, code_down } = body;
      await db.transaction(async (tx) => {
        await tx.execute(sql`
          insert into datatable_migration (workspace_id, datatable, timestamp, name, code_up, code_down)
          values (${workspace}, ${datatable}, ${timestamp}, ${name}, ${code_up}, ${code_down})
          on conflict (workspace_id, datatable, timestamp) do update
          set name = excluded.name, code_up = excluded.code_up, code_down = excluded.code_down`);
        const [operation, resource] = ["datatable_migrations.update", `${datatable}/${timestamp}_${name}`];
        await audit(tx, { workspace, username, operation, actionKind: "Updated", resource });
      });
      return `migration ${timestamp}_${name} of ${datatable} kept`;
    },
    async deleteDatatableMigration({
      member: { workspace, username },
      params: { datatable_name: datatable, timestamp },
    }) {
      await db.transaction(async (tx) => {
        const deleted = await tx.execute(sql`
          delete from datatable_migration
          where workspace_id = ${workspace} and datatable = ${datatable} and timestamp = ${timestamp}`);
        if (deleted === 0) throw notFound("Migration", `${datatable}/${timestamp}`);
        const [operation, resource] = ["datatable_migrations.delete", `${datatable}/${timestamp}`];
        await audit(tx, { workspace, username, operation, actionKind: "Delete", resource });
      });
      return `migration ${timestamp} of ${datatable} forgotten`;
    },
  };
}
