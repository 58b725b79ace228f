import { advance, type FlowStatus, type FlowValue } from "@towermill/openflow";
import { sql, type Queryable, type Sql } from "@towermill/store";

/** Jobs of a workspace with everything below them. */
interface Tree {
  workspace: string;
  ids: readonly string[];
}

/** A flow whose status is locked. */
interface LockedFlow {
  id: string;
  status: FlowStatus;
}

interface Row {
  id: string;
  status: string;
}

/** `tree as (…)`, to stand behind `with recursive`: id and kind of every job of the trees, ended ones too. */
export const treeOf = ({ workspace, ids }: Tree): Sql => sql`tree as (
    select j.id, j.kind, 0 as depth from job j where j.id = any(${ids}::uuid[]) and j.workspace_id = ${workspace}
    union
    select c.id, c.kind, t.depth + 1 from tree t join job c on c.parent_job = t.id where t.depth < 500
  )`;

/**
 * Locks the statuses of all flows in the trees, so that none of them pushes anything more. A child that was pushed while a
 * lock was waited for is found by the next round: below locked flows nothing new can appear.
 */
export async function lockFlows(db: Queryable, tree: Tree): Promise<LockedFlow[]> {
  const locked = new Map<string, LockedFlow>();
  const awaited = new Set<string>();
  do await lockStatuses(db, tree, locked);
  while (await awaitBeginning(db, tree, awaited));
  return [...locked.values()];
}

async function lockStatuses(db: Queryable, tree: Tree, locked: Map<string, LockedFlow>): Promise<void> {
  for (;;) {
    const rows = await db.query<Row & Record<string, unknown>>(sql`with recursive ${treeOf(tree)}
      select f.id, f.status from job_flow f
      where f.id in (select q.id from tree join job_queue q using (id)) and f.id <> all(${[...locked.keys()]}::uuid[])
      order by f.id for update of f`);
    if (rows.length === 0) return;
    for (const { id, status } of rows) locked.set(id, { id, status: JSON.parse(status) as FlowStatus });
  }
}

/**
 * A flow that has not begun has no status to lock: its queue row is locked instead, so that no worker takes it. One that a
 * worker is just beginning has then written its first steps, or cannot any more.
 * @returns whether there were such flows: their statuses may be there now
 */
async function awaitBeginning(db: Queryable, tree: Tree, awaited: Set<string>): Promise<boolean> {
  const rows = await db.query<{ id: string }>(sql`with recursive ${treeOf(tree)}
    select q.id from tree t join job_queue q using (id)
    where t.kind in ('flow', 'flowpreview', 'singlestepflow') and q.id <> all(${[...awaited]}::uuid[])
      and not exists (select from job_flow f where f.id = q.id)`);
  if (rows.length === 0) return false;
  for (const { id } of rows) awaited.add(id);
  await db.execute(
    sql`select from job_queue where id = any(${rows.map(({ id }) => id)}::uuid[]) order by id for update`,
  );
  return true;
}

/** Moves the flows among the ended jobs to their end. They push nothing any more, and nothing that comes late moves them. */
export async function cancelFlows(
  db: Queryable,
  flows: readonly LockedFlow[],
  { ended, by, reason }: { ended: readonly string[]; by: string; reason: string },
): Promise<void> {
  const over = new Set(ended);
  const moved = flows.filter(({ id }) => over.has(id)).flatMap((flow) => canceled(flow, { by, reason }));
  if (moved.length === 0) return;
  await db.execute(sql`
    with i as (
      select * from unnest(${moved.map(({ id }) => id)}::uuid[],
        ${moved.map(({ status }) => JSON.stringify(status))}::text[],
        ${moved.map(({ status }) => status.engine.revision)}::int[]) as t (id, status, revision)
    ), moved as (
      update job_flow f set status = i.status::json, revision = i.revision from i where f.id = i.id returning f.id, f.revision
    )
    insert into flow_event (flow_job, revision, events)
    select id, revision, json_build_array(json_build_object('what', 'canceled',
      'detail', json_build_object('by', ${by}::text, 'reason', ${reason}::text))) from moved`);
}

function canceled({ id, status }: LockedFlow, { by, reason }: { by: string; reason: string }): LockedFlow[] {
  const transition = advance({ job: id, flow: outlineOf(status) }, status, {
    type: "cancel",
    at: Date.now(),
    by,
    reason,
  });
  return transition.kind === "moved" ? [{ id, status: transition.status }] : [];
}

/** What a cancellation needs of a flow's value: the ids of the handler and the preprocessor. */
function outlineOf({ failure_module, preprocessor_module }: FlowStatus): FlowValue {
  const outline = (id: string) => ({ id, value: { type: "identity" as const } });
  return {
    modules: [],
    failure_module: outline(failure_module.id),
    ...(preprocessor_module && { preprocessor_module: outline(preprocessor_module.id) }),
  };
}
