import { replaceJsonStrings } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";

/**
 * A resource and a variable of one path are linked when the resource's value refers to the variable (the form in which a
 * connection keeps its secret), or both came from OAuth. Linked items are deleted and moved together.
 */
interface Place {
  workspace: string;
  path: string;
}

/** Whether the resource and the variable at a path are linked. */
export async function isLinked(tx: Queryable, { workspace, path }: Place): Promise<boolean> {
  const reference = `%${JSON.stringify(`$var:${path}`).replace(/[\\%_]/g, "\\$&")}%`;
  const row = await tx.maybe(sql`
    select 1 from resource r join variable v using (workspace_id, path)
    where r.workspace_id = ${workspace} and r.path = ${path}
      and (r.value::text like ${reference} or (r.is_oauth and v.is_oauth))`);
  return row !== undefined;
}

/** Deletes what is linked to an item that is about to be deleted. */
export async function deleteLinked(tx: Queryable, kind: "variable" | "resource", place: Place): Promise<void> {
  if (!(await isLinked(tx, place))) return;
  await tx.execute(
    sql`delete from ${sql.ident(kind)} where workspace_id = ${place.workspace} and path = ${place.path}`,
  );
}

/** Moves what is linked to an item that is about to move, and points the resource at the variable's new path. */
export async function moveLinked(
  tx: Queryable,
  kind: "variable" | "resource",
  place: Place & { to: string },
): Promise<void> {
  if (!(await isLinked(tx, place))) return;
  const { workspace, path, to } = place;
  const { value } = await tx.one<{ value: string | null }>(
    sql`select value from resource where workspace_id = ${workspace} and path = ${path}`,
  );
  if (value !== null) {
    const moved = replaceJsonStrings(value, (text) => (text === `$var:${path}` ? JSON.stringify(`$var:${to}`) : null));
    await tx.execute(sql`update resource set value = ${moved} where workspace_id = ${workspace} and path = ${path}`);
  }
  await tx.execute(
    sql`update ${sql.ident(kind)} set path = ${to} where workspace_id = ${workspace} and path = ${path}`,
  );
}
