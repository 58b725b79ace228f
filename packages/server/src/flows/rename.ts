import { sql, type Queryable } from "@towermill/store";
import { followRunnable } from "../handlers/triggers-runnable.ts";

/**
 * Moves a flow with its history and what refers to it by path: its schedules and triggers, and who starred it.
 * @returns its versions, for caches to forget where they belong
 */
export async function moveFlow(
  tx: Queryable,
  workspace: string,
  { from, to }: { from: string; to: string },
): Promise<number[]> {
  await tx.execute(sql`update flow set path = ${to} where workspace_id = ${workspace} and path = ${from}`);
  const versions = await tx.query<{ id: number }>(
    sql`update flow_version set path = ${to} where workspace_id = ${workspace} and path = ${from} returning id`,
  );
  await followRunnable(tx, { workspace, path: from, isFlow: true }, { to });
  await tx.execute(sql`
    insert into favorite (workspace_id, username, kind, path)
    select workspace_id, username, kind, ${to} from favorite
    where workspace_id = ${workspace} and kind = 'flow' and path = ${from} on conflict do nothing`);
  await tx.execute(sql`delete from favorite where workspace_id = ${workspace} and kind = 'flow' and path = ${from}`);
  return versions.map(({ id }) => id);
}
