import { writeCachedResult } from "@towermill/queue";
import { sql, type Queryable } from "@towermill/store";
import type { Plan } from "./plan.ts";

/** The parts of a plan that most plans do not have. */
export async function writeRest(tx: Queryable, plan: Plan): Promise<void> {
  for (const { flowJob, from, step, attempt, to, below } of plan.adopted) {
    await tx.execute(sql`insert into flow_child (flow_job, step, attempt, iteration, job, kind, root, leaf, success)
      select ${flowJob}, step, ${to}, iteration, job, kind, case when root = ${from}::uuid then ${flowJob}::uuid else root end,
        leaf, success
      from flow_child where flow_job = ${from} and step = ${step} and attempt = ${attempt}
        and iteration < coalesce(${below}::int, 2147483647)`);
  }
  for (const { job, resumeId, flowJob, approver, approved, payload } of plan.resumes) {
    await tx.execute(sql`insert into flow_resume (job, resume_id, flow_job, approver, approved, payload)
      values (${job}, ${resumeId}, ${flowJob}, ${approver}, ${approved}, ${payload}::json)`);
  }
  for (const { flowJob, step, attempt, iteration, success } of plan.recorded) {
    await tx.execute(sql`update flow_child set success = ${success}
      where flow_job = ${flowJob} and step = ${step} and attempt = ${attempt} and iteration = ${iteration}`);
  }
  for (const { job, args } of plan.args) {
    await tx.execute(sql`update job set args = ${args}::json where id = ${job}`);
  }
  for (const { job, success, result } of plan.early) {
    await tx.execute(sql`update job_flow set early_result = json_build_object('success', ${success}::boolean,
      'result', ${result}::json) where id = ${job}`);
  }
  for (const entry of plan.kept) await writeCachedResult(tx, entry);
  for (const root of plan.wiped) {
    await tx.execute(sql`update job_done d
      set delete_at = now() + make_interval(secs => (j.options ->> 'wipeAfterFlowSeconds')::int)
      from job j where j.root_job = ${root} and j.options ? 'wipeAfterFlowSeconds' and d.id = j.id`);
  }
}
