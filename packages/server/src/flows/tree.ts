import { named, sql, type Queryable } from "@towermill/store";
import type { JobStatus } from "@towermill/queue";

/** A job of a flow's run with where it stands in it. */
export interface TreeJob {
  id: string;
  kind: string;
  /** The flow job it is a child of; `null` = the root. */
  parent: string | null;
  /** The step of the parent it was pushed for. */
  step: string | null;
  /** Id of the step it runs: for an iteration that is a single script the one inside the loop. */
  leaf: string | null;
  iteration: number | null;
  attempt: number;
  depth: number;
  status: JobStatus | null;
  running: boolean;
  suspended: boolean;
  started_at: Date | null;
  duration_ms: number | null;
}

interface Row extends Omit<TreeJob, "iteration"> {
  iteration: number | null;
}

/** Jobs read for one tree; what is beyond is left out and said so. */
export const mostJobs = 20_000;

/** Depth first, siblings in the order the flow came to them. */
function inOrder(rows: readonly TreeJob[]): TreeJob[] {
  const children = new Map<string, TreeJob[]>();
  for (const row of rows) {
    if (row.parent === null) continue;
    const siblings = children.get(row.parent);
    if (siblings) siblings.push(row);
    else children.set(row.parent, [row]);
  }
  const ordered: TreeJob[] = [];
  const left = rows.filter((row) => row.parent === null);
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    ordered.push(next);
    left.push(...(children.get(next.id) ?? []).toReversed());
  }
  return ordered;
}

/** A flow job with everything below it, depth first. A job that is no flow is alone. */
export async function flowTree(db: Queryable, root: string): Promise<{ jobs: TreeJob[]; truncated: boolean }> {
  const rows = await db.query<Row & Record<string, unknown>>(
    named(
      "flow_tree",
      sql`with recursive tree as (
          select ${root}::uuid as id, null::uuid as parent, null::text as step, null::text as leaf, null::int as iteration,
            0 as attempt, 0 as depth
          union all
          select c.job, c.flow_job, c.step, c.leaf, nullif(c.iteration, -1), c.attempt, t.depth + 1
          from tree t join flow_child c on c.flow_job = t.id where t.depth < 100
        )
        select t.id, j.kind, t.parent, t.step, t.leaf, t.iteration, t.attempt, t.depth, d.status, coalesce(q.running, false) as running,
          q.suspend_until is not null as suspended, coalesce(d.started_at, q.started_at) as started_at, d.duration_ms
        from (select * from tree limit ${mostJobs + 1}) t join job j on j.id = t.id
          left join job_queue q on q.id = t.id left join job_done d on d.id = t.id
        order by t.depth, j.created_at, t.iteration nulls first, t.attempt, j.id`,
    ),
  );
  const truncated = rows.length > mostJobs;
  return { jobs: inOrder(truncated ? rows.slice(0, mostJobs) : rows), truncated };
}
