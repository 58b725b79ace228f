import { z } from "zod";
import { operation } from "../operation.ts";
import { flag, integer, text } from "../query.ts";
import { flowValue } from "./flows-fields.ts";
import { storable } from "./item.ts";
import { anyJson, jobId, jobParams, runQuery, waitQuery, workspaceParams } from "./job-shape.ts";

const asFlow = { domain: "jobs", action: "run", kind: "flows" } as const;
const asCaller = { domain: "jobs", action: "run" } as const;

const byPath = z.object({ workspace: z.string(), path: z.string() });
const byVersion = z.object({ workspace: z.string(), version: z.coerce.number().int().min(1).safe() });

const flowRunQuery = { ...runQuery, memory_id: text };
const flowWaitQuery = { ...waitQuery, memory_id: text };
const streamQuery = { ...flowWaitQuery, poll_delay_ms: integer };

const started = { tag: "Job", access: "member", answer: z.string(), status: 201, media: "text" } as const;
const awaited = {
  tag: "Job",
  access: "member",
  scope: asFlow,
  answer: anyJson,
  query: z.object(flowWaitQuery),
} as const;
const streamed = {
  tag: "Job",
  access: "member",
  scope: asFlow,
  answer: z.string(),
  media: "event-stream",
  query: z.object(streamQuery),
} as const;

const target = { step_id: storable, branch_or_iteration_n: z.number().int().min(0).nullish() };

/** Where in a finished run a new one takes up; `nested` goes on inside the step. */
export interface RestartedFrom {
  flow_job_id?: string | null | undefined;
  step_id: string;
  branch_or_iteration_n?: number | null | undefined;
  nested?: RestartedFrom | null | undefined;
}

const restartedFrom: z.ZodType<RestartedFrom> = z.looseObject({
  flow_job_id: jobId.nullish(),
  ...target,
  get nested() {
    return restartedFrom.nullish();
  },
});

const previewBody = z.looseObject({
  value: flowValue,
  path: z.string().max(255).nullish(),
  args: z.record(z.string(), anyJson).nullish(),
  tag: storable.nullish(),
  restarted_from: restartedFrom.nullish(),
  temp_script_refs: z.record(z.string(), z.string()).nullish(),
});

const previewQuery = z.object({
  include_header: text,
  invisible_to_owner: flag,
  job_id: jobId.optional(),
  memory_id: text,
});

const restartBody = z.looseObject({
  ...target,
  flow_version: z.number().int().min(1).nullish(),
  nested_path: z.array(z.looseObject(target)).max(100).nullish(),
  args: z.record(z.string(), anyJson).nullish().describe("Other arguments than those of the run"),
});

export const flowsRunsOperations = [
  operation({
    id: "runFlowByPath",
    method: "POST",
    path: "/w/{workspace}/jobs/run/f/{path}",
    summary:
      "Run the deployed flow of a path; the header Idempotency-Key makes a second call within a day answer the first's job",
    scope: asFlow,
    params: byPath,
    query: z.object(flowRunQuery),
    body: "raw",
    mcp: {
      instructions:
        "Starts the deployed flow of a path with the body as its arguments and answers the job's id at once. Use getJob or getCompletedJobResultMaybe to see how it went.",
    },
    ...started,
  }),
  operation({
    id: "runFlowByVersion",
    method: "POST",
    path: "/w/{workspace}/jobs/run/fv/{version}",
    summary: "Run one version of a flow",
    scope: asFlow,
    params: byVersion,
    query: z.object(flowRunQuery),
    body: "raw",
    ...started,
  }),
  operation({
    id: "runWaitResultFlowByPath",
    method: "POST",
    path: "/w/{workspace}/jobs/run_wait_result/f/{path}",
    summary: "Run the deployed flow of a path and wait for its result, or for that of its early-return step",
    params: byPath,
    body: "raw",
    ...awaited,
  }),
  operation({
    id: "runWaitResultFlowByPathGet",
    method: "GET",
    path: "/w/{workspace}/jobs/run_wait_result/f/{path}",
    summary: "Run the deployed flow of a path and wait for its result; arguments in `payload` or as query parameters",
    params: byPath,
    extension: true,
    ...awaited,
  }),
  operation({
    id: "runWaitResultFlowByVersion",
    method: "POST",
    path: "/w/{workspace}/jobs/run_wait_result/fv/{version}",
    summary: "Run one version of a flow and wait for its result",
    params: byVersion,
    body: "raw",
    ...awaited,
  }),
  operation({
    id: "runWaitResultFlowByVersionGet",
    method: "GET",
    path: "/w/{workspace}/jobs/run_wait_result/fv/{version}",
    summary: "Run one version of a flow and wait for its result; arguments in `payload` or as query parameters",
    params: byVersion,
    ...awaited,
  }),
  operation({
    id: "runAndStreamFlowByPath",
    method: "POST",
    path: "/w/{workspace}/jobs/run_and_stream/f/{path}",
    summary: "Run the deployed flow of a path and stream what it answers",
    params: byPath,
    body: "raw",
    ...streamed,
  }),
  operation({
    id: "runAndStreamFlowByPathGet",
    method: "GET",
    path: "/w/{workspace}/jobs/run_and_stream/f/{path}",
    summary:
      "Run the deployed flow of a path and stream what it answers; arguments in `payload` or as query parameters",
    params: byPath,
    ...streamed,
  }),
  operation({
    id: "runAndStreamFlowByVersion",
    method: "POST",
    path: "/w/{workspace}/jobs/run_and_stream/fv/{version}",
    summary: "Run one version of a flow and stream what it answers",
    params: byVersion,
    body: "raw",
    ...streamed,
  }),
  operation({
    id: "runAndStreamFlowByVersionGet",
    method: "GET",
    path: "/w/{workspace}/jobs/run_and_stream/fv/{version}",
    summary: "Run one version of a flow and stream what it answers; arguments in `payload` or as query parameters",
    params: byVersion,
    ...streamed,
  }),
  operation({
    id: "restartFlowAtStep",
    method: "POST",
    path: "/w/{workspace}/jobs/restart/f/{id}",
    summary: "Run a finished flow again from a step, an iteration or a branch; what came before is kept",
    scope: asFlow,
    params: jobParams,
    query: z.object(flowRunQuery),
    body: restartBody,
    ...started,
  }),
] as const;

export const flowsPreviewOperations = [
  operation({
    id: "runFlowPreview",
    method: "POST",
    path: "/w/{workspace}/jobs/run/preview_flow",
    summary: "Run a flow that is not deployed",
    scope: asCaller,
    runsCallerCode: true,
    params: workspaceParams,
    query: previewQuery,
    body: previewBody,
    mcp: {
      instructions:
        "Runs a flow without deploying it: value (with modules) and args. Answers the job's id at once; use getJob or getCompletedJobResultMaybe to see how it went.",
    },
    ...started,
  }),
  operation({
    id: "runFlowPreviewAndWaitResult",
    method: "POST",
    path: "/w/{workspace}/jobs/run_wait_result/preview_flow",
    tag: "Job",
    summary: "Run a flow that is not deployed and wait for its result",
    access: "member",
    scope: asCaller,
    runsCallerCode: true,
    params: workspaceParams,
    query: previewQuery,
    body: previewBody,
    answer: anyJson,
  }),
  operation({
    id: "runFlowDependenciesAsync",
    method: "POST",
    path: "/w/{workspace}/jobs/run/flow_dependencies_async",
    summary: "Start resolving the dependencies of a flow's inline scripts; the job's result holds `updated_flow_value`",
    scope: asCaller,
    runsCallerCode: true,
    params: workspaceParams,
    body: z.looseObject({
      flow_value: flowValue,
      path: z.string().max(255).nullish(),
      use_local_lockfiles: z.boolean().nullish(),
      raw_workspace_dependencies: z.record(z.string(), z.string()).nullish(),
      temp_script_refs: z.record(z.string(), z.string()).nullish(),
    }),
    ...started,
  }),
] as const;
