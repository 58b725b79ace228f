import { ApiError, notFound, type jobsOperations } from "@towermill/contract";
import { readLog } from "@towermill/queue";
import { sql, type Sql } from "@towermill/store";
import { jsonText } from "../http/answer.ts";
import type { Handlers } from "../http/call.ts";
import { auditEach } from "../identity/audit.ts";
import { deleteJobs, wipeJobs } from "../jobs/deletion.ts";
import { nameOf, visibleJobs } from "../jobs/job-access.ts";
import { detailExtras, findJobDetails, jobJson } from "../jobs/job-row.ts";
import type { Services } from "../services.ts";

type Recorded = "deleteCompletedJob" | "deleteJobs" | "resolveCompletedJobs" | "unresolveCompletedJobs";

/** What is kept of ended jobs. */
export function jobRecordsHandlers(services: Services): Pick<Handlers<typeof jobsOperations>, Recorded> {
  const { db } = services;
  const note = (
    call: Parameters<typeof nameOf>[0] & { params: { workspace: string } },
    operation: "jobs.delete" | "jobs.update",
    ids: readonly string[],
  ): Promise<void> => {
    const actionKind = operation === "jobs.delete" ? "Delete" : "Updated";
    const { workspace } = call.params;
    return auditEach(db, { workspace, username: nameOf(call), operation, actionKind }, ids);
  };
  const changed = async (call: Parameters<typeof note>[0], statement: Sql): Promise<string[]> => {
    const ids = (await db.query<{ id: string }>(statement)).map((row) => row.id);
    await note(call, "jobs.update", ids);
    return ids;
  };
  return {
    async deleteCompletedJob(call) {
      const { workspace, id } = call.params;
      const wiped = await wipeJobs(db, workspace, [id]);
      await note(call, "jobs.delete", wiped);
      const row = await findJobDetails(db, workspace, id);
      if (!row) throw notFound("Job", id);
      if (wiped.length === 0) throw new ApiError("bad_request", `Job ${id} has not ended: cancel it first`);
      return jsonText(jobJson(row, detailExtras(row, { code: true, logs: await readLog(db, id) })));
    },
    async deleteJobs(call) {
      const gone = await deleteJobs(db, call.params.workspace, call.body);
      await note(call, "jobs.delete", gone);
      return `Deleted ${gone.length} of ${call.body.length} jobs`;
    },
    async resolveCompletedJobs(call) {
      const { job_ids, note, superseded_by } = call.body;
      const resolution = {
        by: nameOf(call),
        at: services.clock.now().toISOString(),
        ...(note ? { note } : {}),
        ...(superseded_by ? { superseded_by } : {}),
        automatically: false,
      };
      return changed(
        call,
        sql`update job_done d set resolution = ${sql.json(resolution)} from job j
        where j.id = d.id and d.id = any(${job_ids}::uuid[]) and d.workspace_id = ${call.params.workspace}
          and d.status in ('failure', 'canceled') and ${visibleJobs(call)} returning d.id`,
      );
    },
    unresolveCompletedJobs: (call) =>
      changed(
        call,
        sql`update job_done d set resolution = null from job j
        where j.id = d.id and d.id = any(${call.body.job_ids}::uuid[]) and d.workspace_id = ${call.params.workspace}
          and d.resolution is not null and ${visibleJobs(call)} returning d.id`,
      ),
  };
}
