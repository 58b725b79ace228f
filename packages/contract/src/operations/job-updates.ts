import { z } from "zod";
import { operation } from "../operation.ts";
import { flag, integer } from "../query.ts";
import { anyJson, jobParams } from "./job-shape.ts";

const read = { domain: "jobs", action: "read" } as const;
const open = { access: "public", scope: read, params: jobParams } as const;

const offset = z.coerce.number().int().min(0).max(2_147_483_647).optional();

const updatesQuery = {
  running: flag,
  log_offset: offset,
  stream_offset: offset,
  get_progress: flag,
  no_logs: flag,
};

export const jobUpdatesOperations = [
  operation({
    id: "getJobUpdates",
    method: "GET",
    path: "/w/{workspace}/jobs_u/getupdate/{id}",
    tag: "Job",
    summary: "What is new of a job since the given offsets",
    query: z.object(updatesQuery),
    answer: z.looseObject({
      running: z.boolean().optional(),
      completed: z.boolean().optional(),
      new_logs: z.string().optional(),
      log_offset: z.number().optional(),
      mem_peak: z.number().optional(),
      progress: z.number().optional(),
      stream_offset: z.number().optional(),
      new_result_stream: z.string().optional(),
      flow_status: anyJson.optional(),
    }),
    ...open,
  }),
  operation({
    id: "getJobUpdatesSse",
    method: "GET",
    path: "/w/{workspace}/jobs_u/getupdate_sse/{id}",
    tag: "Job",
    summary: "A job's updates as server-sent events until it ends",
    query: z.object({ ...updatesQuery, only_result: flag, fast: flag, is_flow: flag, poll_delay_ms: integer }),
    answer: z.string(),
    media: "event-stream",
    ...open,
  }),
  operation({
    id: "setJobProgress",
    method: "POST",
    path: "/w/{workspace}/job_metrics/set_progress/{id}",
    tag: "Metrics",
    summary: "Say how far a running job is, in percent; it only rises and ends at 99 until the job is done",
    access: "member",
    scope: { domain: "jobs", action: "write" },
    params: jobParams,
    body: z.looseObject({ percent: z.number().optional(), flow_job_id: z.string().nullish() }),
    answer: z.null(),
  }),
  operation({
    id: "getJobProgress",
    method: "GET",
    path: "/w/{workspace}/job_metrics/get_progress/{id}",
    tag: "Metrics",
    summary: "How far a running job says it is, in percent",
    access: "member",
    scope: read,
    params: jobParams,
    answer: z.number().nullable(),
  }),
  operation({
    id: "getJobMetrics",
    method: "POST",
    path: "/w/{workspace}/job_metrics/get/{id}",
    tag: "Metrics",
    summary: "Measurements of a job",
    access: "member",
    scope: read,
    params: jobParams,
    body: z.looseObject({}),
    answer: z.object({
      metrics_metadata: z.array(z.object({ id: z.string(), name: z.string() })),
      scalar_metrics: z.array(z.object({ metric_id: z.string(), value: z.number() })),
      timeseries_metrics: z.array(anyJson),
    }),
  }),
] as const;
