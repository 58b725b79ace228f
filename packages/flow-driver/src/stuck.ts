import type { FlowStatus } from "@towermill/openflow";
import { sql, type Database } from "@towermill/store";

/**
 * Children that ended without their flow having heard of it: of flows that wait for steps though none of theirs is queued
 * or running. There are none unless a process died, or a job was ended by other means than the driver's.
 */
export async function findUnheard(db: Database): Promise<string[]> {
  const rows = await db.query<{ id: string; status: string }>(sql`
    with waited_for as (
      select distinct j.parent_job as id from job_queue c join job j on j.id = c.id where j.parent_job is not null
    )
    select f.id, f.status from job_queue q join job_flow f on f.id = q.id
    where q.running and q.worker is null and q.suspend_until is null and not exists (select from waited_for w where w.id = q.id)
    limit 200`);
  const unheard: string[] = [];
  for (const row of rows) unheard.push(...(await childrenOf(db, row.id, JSON.parse(row.status) as FlowStatus)));
  return unheard;
}

async function childrenOf(db: Database, flowJob: string, status: FlowStatus): Promise<string[]> {
  const module = status.step < 0 ? status.preprocessor_module : (status.modules[status.step] ?? status.failure_module);
  if (!module || !("job" in module) || !("attempt" in module)) return [];
  const progress = "progress" in module ? module.progress : undefined;
  if (!progress) return [module.job];
  const heard = progress.done;
  const rows = await db.query<{ job: string; iteration: number }>(sql`
    select c.job, c.iteration from flow_child c join job_done d on d.id = c.job
    where c.flow_job = ${flowJob} and c.step = ${module.id} and c.attempt = ${module.attempt}
    order by c.iteration`);
  return rows
    .filter(({ iteration }) => !heard.some(([first, last]) => first <= iteration && iteration <= last))
    .map(({ job }) => job);
}
