import { ApiError } from "@towermill/contract";
import { sql, type Database } from "@towermill/store";
import type { EventEntry } from "./entry.ts";

/** An approval of a step, or of a flow as a whole. */
export interface ResumeRequest {
  workspace: string;
  /** The job of the step in front of the gate, or a flow's own job: then the next gate takes it. */
  job: string;
  /** 0..2^32-1; a job takes each number once. */
  resumeId: number;
  approver: string | null;
  approved: boolean;
  /** JSON text: `resume` of the next step. */
  payload: string | null;
}

/** @throws ApiError when there is nothing to resume, or it was resumed with this number before */
export async function resumeEntry(db: Database, request: ResumeRequest): Promise<EventEntry> {
  const { workspace, job, resumeId, approver, approved, payload } = request;
  const row = await db.maybe<{ flow_job: string; sent: boolean; running: boolean }>(sql`
    select f.id as flow_job,
      exists (select from flow_resume r where r.job = j.id and r.resume_id = ${resumeId}) as sent,
      exists (select from job_queue q where q.id = f.id) as running
    from job j join job f on f.id = case when j.kind in ('flow', 'flowpreview') and (j.parent_job is null
        or not j.options ? 'flow' or exists (select from job_queue q where q.id = j.id)) then j.id else j.parent_job end
    where j.id = ${job} and j.workspace_id = ${workspace}`);
  if (!row) throw new ApiError("not_found", `Flow of the job ${job} not found`);
  if (row.sent) throw new ApiError("bad_request", "resume request already sent");
  if (!row.running) throw new ApiError("bad_request", `The flow ${row.flow_job} has ended: it cannot be resumed`);
  const flowJob = row.flow_job;
  return {
    kind: "event",
    flowJob,
    event: { type: "resume", at: Date.now(), job, resume_id: resumeId, approver, approved },
    resume: { job, resumeId, flowJob, approver, approved, payload },
  };
}
