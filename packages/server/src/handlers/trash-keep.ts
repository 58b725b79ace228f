import { jsonObject, type Acl, type Member } from "@towermill/contract";
import { sql, type Queryable, type Sql } from "@towermill/store";

/** Rows of one table that belong to an item. */
export interface ItemRows {
  table: string;
  /** Condition on the table's columns. */
  where: Sql;
}

export interface Trashed {
  /** `script`, `flow`, `app`, `raw_app`, `resource`, `variable`, `schedule`, `http_trigger`… */
  kind: string;
  path: string;
  acl: Acl;
  /** In the order in which they can be inserted again. */
  rows: readonly ItemRows[];
}

async function rowsOf(tx: Queryable, { table, where }: ItemRows): Promise<string> {
  const { rows } = await tx.one<{ rows: string | null }>(
    sql`select json_agg(row_to_json(t))::text as rows from (select * from ${sql.ident(table)} where ${where}) t`,
  );
  return rows ?? "[]";
}

/**
 * Copies an item that is about to be deleted to the trash, in the caller's transaction; it can be restored for three
 * days. Secret values go as the ciphertext they are. What has expired is removed on the way.
 */
export async function moveToTrash(tx: Queryable, member: Member, { kind, path, acl, rows }: Trashed): Promise<void> {
  const tables: [string, string][] = [];
  for (const part of rows) tables.push([part.table, await rowsOf(tx, part)]);
  await tx.execute(sql`delete from trash where expires_at < now()`);
  await tx.execute(sql`
    insert into trash (workspace_id, item_kind, item_path, extra_perms, item_data, deleted_by)
    values (${member.workspace}, ${kind}, ${path}, ${sql.json(acl)}, ${jsonObject(tables)}, ${member.username})`);
}

/** The rows of an item that is one row of one table, found by its path. */
export function rowAt(member: Member, table: string, path: string): ItemRows {
  return { table, where: sql`workspace_id = ${member.workspace} and path = ${path}` };
}
