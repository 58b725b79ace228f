import { z } from "zod";
import { operation } from "../operation.ts";
import { text } from "../query.ts";
import { anyJson, jobId, jobParams } from "./job-shape.ts";

const read = { domain: "jobs", action: "read" } as const;
const open = { tag: "Job", access: "public", scope: read, params: jobParams } as const;
const stateParams = z.object({ workspace: z.string(), id: jobId, key: z.string().min(1).max(255) });

/** A job of a flow's tree, in the order the flow came to it. */
const place = {
  job_id: z.string(),
  label: z.string(),
  kind: z.string(),
  flow_step_id: z.string().nullish(),
  step_path: z.string().nullish(),
  depth: z.number(),
  parent_module_type: z.string().nullish(),
  sibling_index: z.number(),
  sibling_count: z.number(),
};

export const flowsRecordsOperations = [
  operation({
    id: "getFlowAllLogs",
    method: "GET",
    path: "/w/{workspace}/jobs_u/get_flow_all_logs/{id}",
    summary: "The logs of a flow and of all its steps as one text",
    answer: z.string(),
    media: "text",
    ...open,
  }),
  operation({
    id: "getFlowAllLogsStructured",
    method: "GET",
    path: "/w/{workspace}/jobs_u/get_flow_all_logs_structured/{id}",
    summary: "The logs of a flow and of all its steps, one entry a job",
    answer: z.array(z.object({ ...place, logs: z.string() })),
    ...open,
  }),
  operation({
    id: "getFlowAllResults",
    method: "GET",
    path: "/w/{workspace}/jobs_u/get_flow_all_results/{id}",
    summary: "State and beginning of the result of a flow and of all its steps; `step` picks one, as in b[12]/c",
    query: z.object({ max_result_len: z.coerce.number().int().min(0).max(1_000_000).optional(), step: text }),
    answer: z.object({
      enclosing_job: z.string().optional(),
      entries: z.array(
        z.object({
          ...place,
          status: z.enum(["success", "failure", "canceled", "skipped", "suspended", "running", "queued"]),
          success: z.boolean().optional(),
          duration_ms: z.number().optional(),
          started_at: z.string().optional(),
          result_prefix: z.string().optional(),
          result_length: z.number().optional(),
        }),
      ),
      truncated: z.boolean().optional(),
      scope_filtered: z.boolean().optional(),
      step_error: z.string().optional(),
    }),
    ...open,
  }),
  operation({
    id: "getFlowDebugInfo",
    method: "GET",
    path: "/w/{workspace}/jobs_u/get_flow_debug_info/{id}",
    summary: "All jobs of a flow by the path of their step",
    answer: anyJson,
    ...open,
  }),
  operation({
    id: "getFlowEvents",
    method: "GET",
    path: "/w/{workspace}/jobs_u/flow/events/{id}",
    summary: "What happened to a flow's run, in order: steps pushed and ended, waits, approvals, the end",
    query: z.object({
      after: z.coerce.number().int().min(0).safe().optional().describe("Only transitions after this revision"),
      per_page: z.coerce.number().int().min(1).max(10_000).optional(),
    }),
    answer: z.array(
      z.object({
        revision: z.number(),
        at: z.string(),
        step: z.string().optional(),
        iteration: z.number().optional(),
        attempt: z.number().optional(),
        what: z.string(),
        detail: anyJson.optional(),
      }),
    ),
    extension: true,
    ...open,
  }),
  operation({
    id: "setFlowUserState",
    method: "POST",
    path: "/w/{workspace}/jobs/flow/user_states/{id}/{key}",
    tag: "Job",
    summary: "Keep a value under a key for the time of a flow's run",
    access: "member",
    scope: { domain: "jobs", action: "write" },
    params: stateParams,
    body: anyJson,
    answer: z.string(),
    media: "text",
  }),
  operation({
    id: "getFlowUserState",
    method: "GET",
    path: "/w/{workspace}/jobs/flow/user_states/{id}/{key}",
    tag: "Job",
    summary: "The value a flow's run keeps under a key, null if none",
    access: "member",
    scope: read,
    params: stateParams,
    answer: anyJson,
  }),
] as const;
