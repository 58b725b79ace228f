import { z } from "zod";
import { operation } from "../operation.ts";
import { flag, paging, text } from "../query.ts";
import { anyJob, anyJson, jobFilters, jobId, seconds, workspaceParams } from "./job-shape.ts";

const read = { domain: "workers", action: "read" } as const;
const forUsers = { tag: "Worker", access: "user", scope: read } as const;

const tagList = z.array(z.string());
const counts = z.record(z.string(), z.number());

export const workersOperations = [
  operation({
    id: "listWorkers",
    method: "GET",
    path: "/workers/list",
    summary: "Workers that have been heard of lately",
    query: z.object({ ...paging, ping_since: seconds }),
    answer: z.array(
      z.looseObject({
        worker: z.string(),
        worker_instance: z.string(),
        worker_group: z.string(),
        last_ping: z.number().describe("Seconds ago"),
        started_at: z.string(),
        ip: z.string(),
        jobs_executed: z.number(),
        custom_tags: tagList,
        wm_version: z.string(),
      }),
    ),
    mcp: { instructions: "Lists the workers, what tags they serve and how busy they are.", readOnly: true },
    ...forUsers,
  }),
  operation({
    id: "existsWorkersWithTags",
    method: "GET",
    path: "/workers/exists_workers_with_tags",
    summary: "Which tags a living worker serves",
    query: z.object({ tags: z.string(), workspace: text }),
    answer: z.record(z.string(), z.boolean()),
    ...forUsers,
  }),
  operation({
    id: "getQueueStatus",
    method: "GET",
    path: "/workers/queue_status",
    summary: "Waiting and running jobs and workers of each tag",
    answer: z.array(
      z.object({
        tag: z.string(),
        waiting: z.number(),
        delay: z.number().optional().describe("Seconds the longest due job has waited"),
        running: z.number(),
        workers: z.number(),
      }),
    ),
    ...forUsers,
    mcp: {
      instructions: "Shows for each tag how many jobs wait and run, and how many workers serve it.",
      readOnly: true,
    },
  }),
  operation({
    id: "getCountsOfJobsWaitingPerTag",
    method: "GET",
    path: "/workers/queue_counts",
    summary: "Number of due jobs that wait, per tag",
    answer: counts,
    ...forUsers,
  }),
  operation({
    id: "getCountsOfRunningJobsPerTag",
    method: "GET",
    path: "/workers/queue_running_counts",
    summary: "Number of running jobs, per tag",
    answer: counts,
    ...forUsers,
  }),
  operation({
    id: "getCustomTags",
    method: "GET",
    path: "/workers/custom_tags",
    summary: "Tags that admins have added",
    query: z.object({ show_workspace_restriction: flag }),
    answer: tagList,
    ...forUsers,
  }),
  operation({
    id: "getCustomTagsForWorkspace",
    method: "GET",
    path: "/w/{workspace}/workers/custom_tags",
    tag: "Worker",
    summary: "Added tags that a workspace may use",
    access: "member",
    scope: read,
    params: workspaceParams,
    answer: tagList,
  }),
  operation({
    id: "geDefaultTags",
    method: "GET",
    path: "/workers/get_default_tags",
    summary: "Tags that jobs get by their language or kind",
    answer: tagList,
    ...forUsers,
  }),
  operation({
    id: "isDefaultTagsPerWorkspace",
    method: "GET",
    path: "/workers/is_default_tags_per_workspace",
    summary: "Whether default tags end in the workspace's id",
    answer: z.boolean(),
    ...forUsers,
  }),
] as const;

const forDevops = {
  tag: "Concurrency groups",
  access: "devops",
  scope: { domain: "concurrency_groups", action: "read" },
} as const;

export const instanceJobsOperations = [
  operation({
    id: "getDbClock",
    method: "GET",
    path: "/jobs/db_clock",
    tag: "Job",
    summary: "The database's clock, in milliseconds since 1970",
    access: "user",
    scope: { domain: "jobs", action: "read" },
    answer: z.number(),
  }),
  operation({
    id: "countJobsByTag",
    method: "GET",
    path: "/jobs/completed/count_by_tag",
    tag: "Job",
    summary: "Number of jobs that ended lately, per tag",
    access: "devops",
    scope: { domain: "jobs", action: "read" },
    query: z.object({
      horizon_secs: seconds,
      workspace_id: text,
    }),
    answer: z.array(z.object({ tag: z.string(), count: z.number() })),
  }),
  operation({
    id: "listConcurrencyGroups",
    method: "GET",
    path: "/concurrency_groups/list",
    summary: "Concurrency keys and how many of their jobs run",
    answer: z.array(z.object({ concurrency_key: z.string(), total_running: z.number() })),
    ...forDevops,
  }),
  operation({
    id: "deleteConcurrencyGroup",
    method: "DELETE",
    path: "/concurrency_groups/prune/{concurrency_id}",
    tag: "Concurrency groups",
    summary: "Forget a concurrency key that no running job uses",
    access: "devops",
    scope: { domain: "concurrency_groups", action: "write" },
    params: z.object({ concurrency_id: z.string() }),
    answer: z.object({}),
  }),
  operation({
    id: "getConcurrencyKey",
    method: "GET",
    path: "/concurrency_groups/{id}/key",
    tag: "Concurrency groups",
    summary: "Concurrency key of a job; empty without one",
    access: "user",
    scope: { domain: "concurrency_groups", action: "read" },
    params: z.object({ id: jobId }),
    answer: z.string(),
    media: "text",
  }),
  operation({
    id: "listExtendedJobs",
    method: "GET",
    path: "/w/{workspace}/concurrency_groups/list_jobs",
    tag: "Concurrency groups",
    summary: "Jobs, and of those of a concurrency key that the caller may not see, only when they ran",
    access: "member",
    scope: { domain: "jobs", action: "read" },
    params: workspaceParams,
    query: jobFilters,
    answer: z.object({
      jobs: z.array(anyJob),
      obscured_jobs: z.array(anyJson),
      omitted_obscured_jobs: z.boolean(),
    }),
  }),
] as const;
