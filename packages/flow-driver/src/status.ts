import { initialStatus, publicStatus, type ChildRow, type FlowStatus } from "@towermill/openflow";
import { named, sql, type Database } from "@towermill/store";
import type { DeployedFlows } from "./deployed.ts";
import { createRuns, loadStatus } from "./run.ts";

interface Row {
  job: string;
  step: string;
  iteration: number;
  attempt: number;
  success: boolean | null;
  started_at: Date | null;
  duration_ms: number | null;
}

/** All children of a flow job as they are now, for `publicStatus` and restarts. */
export async function readChildren(db: Database, flowJob: string): Promise<ChildRow[]> {
  const rows = await db.query<Row>(
    named(
      "flow_children",
      sql`select c.job, c.step, c.iteration, c.attempt,
          coalesce(c.success, case when d.id is not null then d.status in ('success', 'skipped') end) as success,
          coalesce(d.started_at, q.started_at) as started_at, d.duration_ms
        from flow_child c left join job_done d on d.id = c.job left join job_queue q on q.id = c.job
        where c.flow_job = ${flowJob}`,
    ),
  );
  return rows.map((row) => ({
    job: row.job,
    step: row.step,
    iteration: row.iteration < 0 ? null : row.iteration,
    attempt: row.attempt,
    success: row.success,
    startedAt: row.started_at?.toISOString() ?? null,
    durationMs: row.duration_ms,
  }));
}

/**
 * `flow_status` of a flow job in the shape Windmill's clients read, at any moment of its life; `null` for a job that is no
 * flow.
 */
export async function readFlowStatus(
  { db, deployed }: { db: Database; deployed: DeployedFlows },
  job: string,
): Promise<Record<string, unknown> | null> {
  const stored = await loadStatus(db, job);
  if (!stored) return readBeginning({ db, deployed }, job);
  const states = await db.maybe<{ user_states: Record<string, unknown> | null }>(
    sql`select user_states from job_flow where id = ${job}`,
  );
  return {
    ...publicStatus(stored.status, await readChildren(db, job)),
    ...(states?.user_states && { user_states: states.user_states }),
  };
}

/** The status of a flow that no worker took yet. */
async function readBeginning(
  { db, deployed }: { db: Database; deployed: DeployedFlows },
  job: string,
): Promise<Record<string, unknown> | null> {
  const isFlow = await db.maybe(
    sql`select from job where id = ${job} and kind in ('flow', 'flowpreview', 'singlestepflow')`,
  );
  if (!isFlow) return null;
  const run = await createRuns({ db, deployed })
    .get(job)
    .catch(() => null);
  if (!run) return null;
  const status: FlowStatus = initialStatus(run.flow, { preprocess: run.job.options.preprocess === true });
  return publicStatus(status, []);
}
