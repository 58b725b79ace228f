import type { jobsOperations } from "@towermill/contract";
import { sql } from "@towermill/store";
import type { Call, Handlers } from "../http/call.ts";
import { jsonList } from "../http/verbatim.ts";
import type { Part } from "../jobs/filter.ts";
import { jobGroups } from "../jobs/groups.ts";
import { visibleJobs } from "../jobs/job-access.ts";
import { jobJson } from "../jobs/job-row.ts";
import { countCompleted, countQueue, listIds, listRows, workspaceCondition } from "../jobs/list.ts";
import type { Services } from "../services.ts";

type Operation = (typeof jobsOperations)[number];
type FilteredList = Exclude<Extract<Operation, { id: `list${string}` }>, { id: "listSelectedJobGroups" }>;
type Listed = Extract<
  Operation,
  { id: `list${string}` | "getStartedAtByIds" | "getQueueCount" | "getCompletedCount" | "countCompletedJobs" }
>["id"];

/** Lists and counts of jobs. */
export function jobListsHandlers({ db }: Services): Pick<Handlers<typeof jobsOperations>, Listed> {
  const rows = async ({ caller, member, query }: Call<FilteredList>, part: Part): Promise<Response> => {
    const found = await listRows(db, { caller, member, filters: query, part, perPage: 30 });
    return jsonList(found.map((row) => jobJson(row)));
  };
  const ids = ({ caller, member, query }: Call<FilteredList>, part: Part): Promise<string[]> =>
    listIds(db, { caller, member, filters: query, part, perPage: 1000 });
  return {
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
    getQueueCount: (call) => countQueue(db, call, call.query.all_workspaces),
    async getCompletedCount({ params }) {
      return { database_length: await countCompleted(db, [sql`d.workspace_id = ${params.workspace}`]) };
    },
    async countCompletedJobs(call) {
      const { completed_after_s_ago: age, success, tags, all_workspaces } = call.query;
      const outcomes = success ? ["success", "skipped"] : ["failure", "canceled"];
      return countCompleted(db, [
        workspaceCondition(call, all_workspaces),
        ...(age === undefined ? [] : [sql`d.completed_at > now() - make_interval(secs => ${age})`]),
        ...(success === undefined ? [] : [sql`d.status = any(${outcomes}::text[])`]),
        ...(tags ? [sql`j.tag = any(${tags.split(",")}::text[])`] : []),
      ]);
    },
  };
}
