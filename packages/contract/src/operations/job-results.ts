import { z } from "zod";
import { operation } from "../operation.ts";
import { flag, integer, text } from "../query.ts";
import { anyJson, completedJob, jobId, jobParams } from "./job-shape.ts";

const read = { domain: "jobs", action: "read" } as const;
const open = { tag: "Job", access: "public", scope: read, params: jobParams } as const;

export const jobResultsOperations = [
  operation({
    id: "getCompletedJob",
    method: "GET",
    path: "/w/{workspace}/jobs_u/completed/get/{id}",
    summary: "An ended job; 404 while it has not ended",
    answer: completedJob,
    ...open,
  }),
  operation({
    id: "getCompletedJobResult",
    method: "GET",
    path: "/w/{workspace}/jobs_u/completed/get_result/{id}",
    summary: "Result of an ended job; `path` (keys between dots or commas) picks a part of it",
    query: z.object({
      path: text,
      json_path: text,
      suspended_job: text,
      resume_id: integer,
      secret: text,
      approver: text,
    }),
    answer: anyJson,
    ...open,
    mcp: { instructions: "Reads the result of an ended job, or the part of it that path names.", readOnly: true },
  }),
  operation({
    id: "getCompletedJobResultMaybe",
    method: "GET",
    path: "/w/{workspace}/jobs_u/completed/get_result_maybe/{id}",
    summary: "Whether a job has ended, and its result if so",
    query: z.object({ get_started: flag }),
    answer: z.object({
      completed: z.boolean(),
      result: anyJson,
      success: z.boolean().nullable(),
      started: z.boolean(),
    }),
    mcp: {
      instructions: "Tells whether a job has ended and, if so, whether it succeeded and its result.",
      readOnly: true,
    },
    ...open,
  }),
  operation({
    id: "getCompletedJobTiming",
    method: "GET",
    path: "/w/{workspace}/jobs_u/completed/get_timing/{id}",
    summary: "When a job was created, when it started and how long it took",
    answer: z.object({ created_at: z.string(), started_at: z.string().optional(), duration_ms: z.number().optional() }),
    ...open,
  }),
  operation({
    id: "resultById",
    method: "GET",
    path: "/w/{workspace}/jobs/result_by_id/{flow_job_id}/{node_id}",
    tag: "Job",
    summary: "Result of one step of a flow's run",
    access: "member",
    scope: read,
    params: z.object({ workspace: z.string(), flow_job_id: jobId, node_id: z.string() }),
    query: z.object({ json_path: text }),
    answer: anyJson,
  }),
] as const;
