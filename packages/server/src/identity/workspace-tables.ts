import { sql, type Queryable } from "@towermill/store";

export interface WorkspaceTable {
  name: string;
  columns: readonly string[];
  /** A foreign key to `workspace` carries its id along and deletes its rows. */
  follows: boolean;
}

/**
 * Tables with a `workspace_id`, read from the database's own catalogue: what concerns every kind of item (permissions,
 * renaming, deleting) then also holds for kinds that a later migration adds.
 */
export function workspaceTables(db: Queryable): Promise<WorkspaceTable[]> {
  return db.query<WorkspaceTable & object>(sql`
    select c.relname::text as name, array_agg(a.attname::text) as columns,
      exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'f'
              and k.confrelid = to_regclass('workspace')) as follows
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    group by c.oid, c.relname having bool_or(a.attname = 'workspace_id') order by c.relname`);
}

/** Takes every access that a user or group (`u/…`, `g/…`) was given, so that a later one of that name gets none of it. */
export async function removePrincipal(tx: Queryable, workspace: string, principal: string): Promise<void> {
  for (const { name, columns } of await workspaceTables(tx)) {
    if (!columns.includes("extra_perms")) continue;
    await tx.execute(sql`
      update ${sql.ident(name)} set extra_perms = extra_perms - ${principal}::text
      where workspace_id = ${workspace} and extra_perms ? ${principal}`);
  }
  await tx.execute(sql`
    update folder set owners = array_remove(owners, ${principal})
    where workspace_id = ${workspace} and ${principal} = any(owners)`);
}

/** Moves what a principal owns and may do to another name: owners, `extra_perms` and, for users, item paths. */
export async function renameUserInItems(
  tx: Queryable,
  workspace: string,
  names: { from: string; to: string },
): Promise<void> {
  const [from, to] = [`u/${names.from}`, `u/${names.to}`];
  for (const { name, columns } of await workspaceTables(tx)) {
    if (/^job(_|$)/.test(name)) continue;
    const table = sql.ident(name);
    if (columns.includes("extra_perms")) {
      await tx.execute(sql`
        update ${table} set extra_perms = (extra_perms - ${from}::text) || jsonb_build_object(${to}::text, extra_perms -> ${from})
        where workspace_id = ${workspace} and extra_perms ? ${from}`);
    }
    for (const column of ["path", "script_path"].filter((path) => columns.includes(path)).map(sql.ident)) {
      await tx.execute(sql`
        update ${table} set ${column} = ${to} || substr(${column}, ${from.length + 1})
        where workspace_id = ${workspace} and starts_with(${column}, ${`${from}/`})`);
    }
  }
  await tx.execute(sql`
    update folder set owners = array_replace(owners, ${from}, ${to})
    where workspace_id = ${workspace} and ${from} = any(owners)`);
}
