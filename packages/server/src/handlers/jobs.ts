import { type jobsOperations } from "@towermill/contract";
import { readLog } from "@towermill/queue";
import { ApiError, notFound } from "@towermill/contract";
import { sql, type Sql } from "@towermill/store";
import { jsonText } from "../http/answer.ts";
import type { Call, Handlers } from "../http/call.ts";
import { jsonList } from "../http/verbatim.ts";
import { deleteJobs, wipeJobs } from "../jobs/deletion.ts";
import type { Part } from "../jobs/filter.ts";
import { jobGroups } from "../jobs/groups.ts";
import { nameOf, requireJob, visibleJobs } from "../jobs/job-access.ts";
import { detailExtras, findJobDetails, jobJson, type JobRow } from "../jobs/job-row.ts";
import { listIds, listRows, workspaceCondition } from "../jobs/list.ts";
import { rootOf } from "../jobs/root.ts";
import { waitingReason } from "../jobs/waiting.ts";
import type { Services } from "../services.ts";

type Operation = (typeof jobsOperations)[number];
type OneJob = Extract<Operation, { id: "getJob" | "getRootJobId" | "getJobArgs" | "getJobLogs" | "getCompletedJobLogsTail" }>;
type List = Extract<Operation, { id: `list${string}` }>;
type FilteredList = Exclude<List, { id: "listSelectedJobGroups" }>;

/** How much of the end of a log the tail shows, in UTF-16 units. */
const tailLength = 65_536;

export function jobsHandlers(services: Services): Handlers<typeof jobsOperations> {
  const { db } = services;
  const requireReadable = (call: Call<OneJob>): Promise<JobRow> =>
    requireJob(services, call, { workspace: call.params.workspace, id: call.params.id, action: "read" });
  const rows = async (call: Call<FilteredList>, part: Part): Promise<Response> => {
    const found = await listRows(db, { caller: call.caller, member: call.member, filters: call.query, part, perPage: 30 });
    return jsonList(found.map((row) => jobJson(row)));
  };
  const ids = (call: Call<FilteredList>, part: Part): Promise<string[]> =>
    listIds(db, { caller: call.caller, member: call.member, filters: call.query, part, perPage: 1000 });
  const count = async (statement: Sql): Promise<number> => (await db.one<{ count: number }>(statement)).count;

  return {
    async getJob(call) {
      const { id, workspace } = call.params;
      const row = await requireReadable(call);
      const details = await findJobDetails(db, workspace, id);
      if (!details) throw notFound("Job", id);
      const logs = call.query.no_logs ? null : await readLog(db, id);
      const reason = await waitingReason(db, row);
      const extras = detailExtras(details, { code: !call.query.no_code, logs });
      return jsonText(jobJson(details, reason === null ? extras : { ...extras, waiting_reason: JSON.stringify(reason) }));
    },
    async getRootJobId(call) {
      return rootOf(db, await requireReadable(call));
    },
    async getJobArgs(call) {
      await requireReadable(call);
      const details = await findJobDetails(db, call.params.workspace, call.params.id);
      return jsonText(details?.args ?? "{}");
    },
    async getJobLogs(call) {
      await requireReadable(call);
      return readLog(db, call.params.id);
    },
    async getCompletedJobLogsTail(call) {
      await requireReadable(call);
      return (await readLog(db, call.params.id)).slice(-tailLength);
    },
    async getLogFileFromStore(call) {
      throw notFound("Log file", call.params.path);
    },
    async getStartedAtByIds(call) {
      const found = await db.query<{ id: string; started_at: Date }>(sql`
        select j.id, coalesce(d.started_at, q.started_at) as started_at
        from job j left join job_queue q on q.id = j.id left join job_done d on d.id = j.id
        where j.id = any(${call.body}::uuid[]) and j.workspace_id = ${call.params.workspace} and ${visibleJobs(call)}
          and coalesce(d.started_at, q.started_at) is not null`);
      const starts = new Map(found.map((row) => [row.id, row.started_at.toISOString()]));
      return call.body.flatMap((id) => starts.get(id) ?? []);
    },
    listJobs: (call) => rows(call, "all"),
    listQueue: (call) => rows(call, "queue"),
    listCompletedJobs: (call) => rows(call, "completed"),
    listFilteredJobsUuids: (call) => ids(call, "all"),
    listFilteredQueueUuids: (call) => ids(call, "queue"),
    async listSelectedJobGroups(call) {
      return jsonList(await jobGroups(db, call));
    },
    async getQueueCount(call) {
      return db.one<{ database_length: number; suspended: number }>(sql`
        select count(*) filter (where suspend_until is null)::int as database_length,
          count(*) filter (where suspend_until is not null)::int as suspended
        from job_queue j where not running and ${workspaceCondition(call, call.query.all_workspaces)}`);
    },
    async getCompletedCount(call) {
      const database_length = await count(
        sql`select count(*)::int as count from job_done where workspace_id = ${call.params.workspace}`,
      );
      return { database_length };
    },
    async countCompletedJobs(call) {
      const { completed_after_s_ago: age, success, tags } = call.query;
      const conditions = [
        workspaceCondition(call, call.query.all_workspaces),
        ...(age === undefined ? [] : [sql`d.completed_at > now() - make_interval(secs => ${age})`]),
        ...(success === undefined ? [] : [success ? sql`d.status in ('success', 'skipped')` : sql`d.status in ('failure', 'canceled')`]),
        ...(tags ? [sql`j.tag = any(${tags.split(",")}::text[])`] : []),
      ];
      return count(sql`select count(*)::int as count from job_done d join job j on j.id = d.id
        where ${sql.join(conditions, sql` and `)}`);
    },
    async deleteCompletedJob(call) {
      const { workspace, id } = call.params;
      const wiped = await wipeJobs(db, workspace, [id]);
      const row = await findJobDetails(db, workspace, id);
      if (!row) throw notFound("Job", id);
      if (wiped.length === 0) throw new ApiError("bad_request", `Job ${id} has not ended: cancel it first`);
      return jsonText(jobJson(row, detailExtras(row, { code: true, logs: await readLog(db, id) })));
    },
    async deleteJobs(call) {
      const gone = await deleteJobs(db, call.params.workspace, call.body);
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
      return changed(sql`update job_done d set resolution = ${sql.json(resolution)} from job j
        where j.id = d.id and d.id = any(${job_ids}::uuid[]) and d.workspace_id = ${call.params.workspace}
          and d.status in ('failure', 'canceled') and ${visibleJobs(call)} returning d.id`);
    },
    unresolveCompletedJobs: (call) =>
      changed(sql`update job_done d set resolution = null from job j
        where j.id = d.id and d.id = any(${call.body.job_ids}::uuid[]) and d.workspace_id = ${call.params.workspace}
          and d.resolution is not null and ${visibleJobs(call)} returning d.id`),
  };

  async function changed(statement: Sql): Promise<string[]> {
    return (await db.query<{ id: string }>(statement)).map((row) => row.id);
  }
}
