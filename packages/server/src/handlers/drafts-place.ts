import { triggerKinds, type Acl } from "@towermill/contract";
import { sql, type Queryable, type Sql } from "@towermill/store";
import { triggerTable } from "./triggers-row.ts";

/** Where the deployed counterpart of a draft lives, per kind. Kinds without a table have drafts only. */
const tables: Readonly<Record<string, Sql>> = {
  script: sql`(select workspace_id, path, extra_perms from script where not archived and not deleted)`,
  flow: sql`(select workspace_id, path, extra_perms from flow where not archived)`,
  variable: sql`(select workspace_id, path, extra_perms from variable)`,
  resource: sql`(select workspace_id, path, extra_perms from resource)`,
  app: sql`(select workspace_id, path, extra_perms from app)`,
  raw_app: sql`(select workspace_id, path, extra_perms from app)`,
  ...Object.fromEntries(triggerKinds.map((kind) => [`trigger_${kind}`, triggerTable(kind)])),
};

interface Place {
  workspace: string;
  kind: string;
  path: string;
}

/** The ACL of the deployed counterpart of a draft; `null` when nothing is deployed there. */
export async function deployedAcl(db: Queryable, { workspace, kind, path }: Place): Promise<Acl | null> {
  const table = tables[kind];
  if (!table) return null;
  const row = await db.maybe<{ extra_perms: Acl }>(
    sql`select extra_perms from ${table} as t where workspace_id = ${workspace} and path = ${path}`,
  );
  return row?.extra_perms ?? null;
}

/** The ACL of the deployed counterpart of a row of `draft d`, `null` without one: as a column. */
export const deployedAclColumn = sql`case d.kind ${sql.join(
  Object.entries(tables).map(
    ([kind, table]) =>
      sql`when ${kind} then (select t.extra_perms from ${table} as t where t.workspace_id = d.workspace_id and t.path = d.path)`,
  ),
  sql` `,
)} end`;
