import type { FlowEvent } from "@towermill/openflow";
import type { FlowPlace, JobStatus } from "@towermill/queue";
import { sql, type Database } from "@towermill/store";
import { saysRecover } from "./marks.ts";

interface Row {
  id: string;
  parent_job: string;
  place: FlowPlace;
  status: JobStatus;
  result: string | null;
}

/** What the flows of steps that ended without the driver have to be told. */
export async function endedElsewhere(
  db: Database,
  jobs: readonly string[],
): Promise<{ flowJob: string; event: FlowEvent }[]> {
  if (jobs.length === 0) return [];
  const rows = await db.query<Row & Record<string, unknown>>(sql`
    select j.id, j.parent_job, j.options -> 'flow' as place, d.status, d.result
    from job j join job_done d on d.id = j.id
    where j.id = any(${jobs}::uuid[]) and j.options ? 'flow'
      and exists (select from job_queue q where q.id = j.parent_job)`);
  return rows.map((row) => ({ flowJob: row.parent_job, event: doneEvent(row) }));
}

function doneEvent({ id, place, status, result }: Row): FlowEvent {
  const { step, iteration, attempt } = place;
  const success = status === "success" || status === "skipped";
  return {
    type: "done",
    at: Date.now(),
    job: id,
    step,
    iteration,
    attempt,
    success,
    ...(isUnrecoverable(status, result ?? "null") && { unrecoverable: true }),
    ...(success && saysRecover(result ?? "null") && { recover: true }),
  };
}

/** A step that was cancelled, or whose workers died under it, is not tried again: it may be what ends them. */
export function isUnrecoverable(status: JobStatus, result: string): boolean {
  if (status === "canceled") return true;
  return (
    status === "failure" && /^\s*\{\s*"error"\s*:\s*\{\s*"name"\s*:\s*"(WorkerLost|MemoryLimitExceeded)"/.test(result)
  );
}
