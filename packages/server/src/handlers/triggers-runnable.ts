import { triggerKinds } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import { triggerTable } from "./triggers-row.ts";

interface Runnable {
  workspace: string;
  path: string;
  isFlow: boolean;
}

/** What starts a script or flow, besides tokens for its webhook, under the names of the API's counts. */
export async function triggerCounts(db: Queryable, { workspace, path, isFlow }: Runnable) {
  const starts = sql`workspace_id = ${workspace} and script_path = ${path} and is_flow = ${isFlow}`;
  const schedules = await db.query<{ path: string; schedule: string }>(
    sql`select path, schedule from schedule where ${starts} order by path`,
  );
  const primary = schedules.find((schedule) => schedule.path === path);
  const kinds = triggerKinds.map(
    (kind) => sql`select ${kind}::text as kind, count(*)::int as count from ${triggerTable(kind)} where ${starts}`,
  );
  const native = sql`
    select service_name as kind, count(*)::int as count from native_trigger where ${starts} group by service_name`;
  const rows = await db.query<{ kind: string; count: number }>(sql.join([...kinds, native], sql` union all `));
  const counts = rows.map(({ kind, count }) => [kind === "http" ? "http_routes_count" : `${kind}_count`, count]);
  return {
    ...(primary ? { primary_schedule: { schedule: primary.schedule } } : {}),
    schedule_count: schedules.length,
    ...(Object.fromEntries(counts) as Record<string, number>),
  };
}

/** Points what starts a script or flow to its new path, in the transaction that moves it. */
export async function followRunnable(
  tx: Queryable,
  { workspace, path, isFlow }: Runnable,
  { to }: { to: string },
): Promise<void> {
  for (const table of ["schedule", "native_trigger", ...triggerKinds.map((kind) => `${kind}_trigger`)]) {
    await tx.execute(sql`
      update ${sql.ident(table)} set script_path = ${to}
      where workspace_id = ${workspace} and script_path = ${path} and is_flow = ${isFlow}`);
  }
}
