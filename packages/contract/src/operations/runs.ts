import { z } from "zod";
import { languages } from "../language.ts";
import { operation } from "../operation.ts";
import { flag, integer, text } from "../query.ts";
import { anyJson, jobId, jobIds, runQuery, waitQuery, workspaceParams } from "./job-shape.ts";

const asScript = { domain: "jobs", action: "run", kind: "scripts" } as const;
const asCaller = { domain: "jobs", action: "run" } as const;

const pathParams = z.object({ workspace: z.string(), path: z.string() });
const hashParams = z.object({ workspace: z.string(), hash: z.string().min(1).max(64) });

const started = { tag: "Job", access: "member", answer: z.string(), status: 201, media: "text" } as const;
const awaited = { tag: "Job", access: "member", answer: anyJson } as const;
const streamed = { tag: "Job", access: "member", answer: z.string(), media: "event-stream" } as const;

const streamQuery = { ...waitQuery, poll_delay_ms: integer };

const previewBody = z.looseObject({
  content: z.string().optional(),
  path: z.string().max(255).nullish(),
  script_hash: z.string().nullish(),
  args: z.record(z.string(), anyJson).nullish(),
  language: z.enum(languages).nullish(),
  tag: z.string().nullish(),
  kind: z.enum(["code", "identity", "http"]).nullish(),
  lock: z.string().nullish(),
  dedicated_worker: z.boolean().nullish(),
  flow_path: z.string().nullish(),
  modules: z.record(z.string(), anyJson).nullish(),
  temp_script_refs: z.record(z.string(), z.string()).nullish(),
});

const previewQuery = z.object({
  include_header: text,
  invisible_to_owner: flag,
  timeout: z.coerce.number().int().min(1).max(2_147_483_647).optional(),
  job_id: jobId.optional(),
  parent_job: jobId.optional(),
  root_job: jobId.optional(),
});

const dependenciesBody = z.looseObject({
  raw_scripts: z
    .array(
      z.looseObject({
        raw_code: z.string(),
        language: z.enum(languages),
        path: z.string().nullish(),
        script_path: z.string().nullish(),
      }),
    )
    .length(1, "expected one script"),
  entrypoint: z.string(),
  raw_workspace_dependencies: z.record(z.string(), z.string()).nullish(),
  temp_script_refs: z.record(z.string(), z.string()).nullish(),
});

const dynamicBody = z.looseObject({
  entrypoint_function: z.string().min(1).max(255),
  args: z.record(z.string(), anyJson).nullish(),
  runnable_ref: z.discriminatedUnion("source", [
    z.looseObject({ source: z.literal("deployed"), path: z.string(), runnable_kind: z.enum(["script", "flow"]) }),
    z.looseObject({ source: z.literal("inline"), code: z.string(), language: z.enum(languages).nullish() }),
  ]),
});

const rerunOptions = z.record(
  z.string(),
  z.looseObject({
    input_transforms: z.record(z.string(), z.looseObject({ type: z.string() })).optional(),
    use_latest_version: z.boolean().optional(),
  }),
);

export const runsOperations = [
  operation({
    id: "runScriptByPath",
    method: "POST",
    path: "/w/{workspace}/jobs/run/p/{path}",
    summary: "Run the deployed script of a path",
    scope: asScript,
    params: pathParams,
    query: z.object(runQuery),
    body: "raw",
    mcp: {
      instructions:
        "Starts the deployed script of a path with the body as its arguments and answers the job's id at once. Use getJob or getCompletedJobResultMaybe to see how it went.",
    },
    ...started,
  }),
  operation({
    id: "runScriptByHash",
    method: "POST",
    path: "/w/{workspace}/jobs/run/h/{hash}",
    summary: "Run one version of a script",
    scope: asScript,
    params: hashParams,
    query: z.object(runQuery),
    body: "raw",
    ...started,
  }),
  operation({
    id: "runWaitResultScriptByPath",
    method: "POST",
    path: "/w/{workspace}/jobs/run_wait_result/p/{path}",
    summary: "Run the deployed script of a path and wait for its result",
    scope: asScript,
    params: pathParams,
    query: z.object(waitQuery),
    body: "raw",
    ...awaited,
  }),
  operation({
    id: "runWaitResultScriptByPathGet",
    method: "GET",
    path: "/w/{workspace}/jobs/run_wait_result/p/{path}",
    summary: "Run the deployed script of a path and wait for its result; arguments in `payload` or as query parameters",
    scope: asScript,
    params: pathParams,
    query: z.object(waitQuery),
    ...awaited,
  }),
  operation({
    id: "runWaitResultScriptByHash",
    method: "POST",
    path: "/w/{workspace}/jobs/run_wait_result/h/{hash}",
    summary: "Run one version of a script and wait for its result",
    scope: asScript,
    params: hashParams,
    query: z.object(waitQuery),
    body: "raw",
    extension: true,
    ...awaited,
  }),
  operation({
    id: "runWaitResultScriptByHashGet",
    method: "GET",
    path: "/w/{workspace}/jobs/run_wait_result/h/{hash}",
    summary: "Run one version of a script and wait for its result; arguments in `payload` or as query parameters",
    scope: asScript,
    params: hashParams,
    query: z.object(waitQuery),
    extension: true,
    ...awaited,
  }),
  operation({
    id: "runAndStreamScriptByPath",
    method: "POST",
    path: "/w/{workspace}/jobs/run_and_stream/p/{path}",
    summary: "Run the deployed script of a path and stream what it answers",
    scope: asScript,
    params: pathParams,
    query: z.object(streamQuery),
    body: "raw",
    ...streamed,
  }),
  operation({
    id: "runAndStreamScriptByPathGet",
    method: "GET",
    path: "/w/{workspace}/jobs/run_and_stream/p/{path}",
    summary:
      "Run the deployed script of a path and stream what it answers; arguments in `payload` or as query parameters",
    scope: asScript,
    params: pathParams,
    query: z.object(streamQuery),
    ...streamed,
  }),
  operation({
    id: "runAndStreamScriptByHash",
    method: "POST",
    path: "/w/{workspace}/jobs/run_and_stream/h/{hash}",
    summary: "Run one version of a script and stream what it answers",
    scope: asScript,
    params: hashParams,
    query: z.object(streamQuery),
    body: "raw",
    ...streamed,
  }),
  operation({
    id: "runAndStreamScriptByHashGet",
    method: "GET",
    path: "/w/{workspace}/jobs/run_and_stream/h/{hash}",
    summary: "Run one version of a script and stream what it answers; arguments in `payload` or as query parameters",
    scope: asScript,
    params: hashParams,
    query: z.object(streamQuery),
    ...streamed,
  }),
  operation({
    id: "runScriptByPathInline",
    method: "POST",
    path: "/w/{workspace}/jobs/run_inline/p/{path}",
    summary: "Run the deployed script of a path and answer its result; the body holds `args`",
    scope: asScript,
    params: pathParams,
    body: z.looseObject({ args: z.record(z.string(), anyJson).nullish() }),
    ...awaited,
  }),
  operation({
    id: "runScriptByHashInline",
    method: "POST",
    path: "/w/{workspace}/jobs/run_inline/h/{hash}",
    summary: "Run one version of a script and answer its result; the body holds `args`",
    scope: asScript,
    params: hashParams,
    body: z.looseObject({ args: z.record(z.string(), anyJson).nullish() }),
    ...awaited,
  }),
  operation({
    id: "batchReRunJobs",
    method: "POST",
    path: "/w/{workspace}/jobs/run/batch_rerun_jobs",
    tag: "Job",
    summary: "Run jobs again: one new id per line, `Error: …` for those that could not be started",
    access: "member",
    scope: asCaller,
    params: workspaceParams,
    body: z.looseObject({
      job_ids: jobIds,
      script_options_by_path: rerunOptions.default({}),
      flow_options_by_path: rerunOptions.default({}),
    }),
    answer: z.string(),
    status: 201,
    media: "event-stream",
  }),
] as const;

export const previewOperations = [
  operation({
    id: "runScriptPreview",
    method: "POST",
    path: "/w/{workspace}/jobs/run/preview",
    summary: "Run code that is not deployed",
    scope: asCaller,
    runsCallerCode: true,
    params: workspaceParams,
    query: previewQuery,
    body: previewBody,
    mcp: {
      instructions:
        "Runs code without deploying it: content, language and args. Answers the job's id at once; use getJob or getCompletedJobResultMaybe to see how it went.",
    },
    ...started,
  }),
  operation({
    id: "runScriptPreviewAndWaitResult",
    method: "POST",
    path: "/w/{workspace}/jobs/run_wait_result/preview",
    summary: "Run code that is not deployed and wait for its result",
    scope: asCaller,
    runsCallerCode: true,
    params: workspaceParams,
    query: previewQuery,
    body: previewBody,
    ...awaited,
  }),
  operation({
    id: "runScriptPreviewInline",
    method: "POST",
    path: "/w/{workspace}/jobs/run_inline/preview",
    summary: "Run code that is not deployed and answer its result",
    scope: asCaller,
    runsCallerCode: true,
    params: workspaceParams,
    query: previewQuery,
    body: previewBody,
    ...awaited,
  }),
  operation({
    id: "runScriptPreviewBundle",
    method: "POST",
    path: "/w/{workspace}/jobs/run/preview_bundle",
    summary: "Run a JavaScript bundle that is not deployed: multipart with `preview` (JSON) and `file`",
    scope: asCaller,
    runsCallerCode: true,
    params: workspaceParams,
    query: previewQuery,
    body: "raw",
    extension: true,
    ...started,
  }),
  operation({
    id: "runDynamicSelect",
    method: "POST",
    path: "/w/{workspace}/jobs/run/dynamic_select",
    summary: "Run a function of a script that computes the choices of a form; code sent along is for developers",
    scope: asCaller,
    params: workspaceParams,
    body: dynamicBody,
    ...started,
  }),
  operation({
    id: "runRawScriptDependencies",
    method: "POST",
    path: "/w/{workspace}/jobs/run/dependencies",
    tag: "Job",
    summary: "Resolve the dependencies of a script and answer its lock",
    access: "member",
    scope: asCaller,
    runsCallerCode: true,
    params: workspaceParams,
    body: dependenciesBody,
    answer: z.looseObject({ lock: z.string() }),
    status: 201,
  }),
  operation({
    id: "runRawScriptDependenciesAsync",
    method: "POST",
    path: "/w/{workspace}/jobs/run/dependencies_async",
    summary: "Start resolving the dependencies of a script; the job's result holds the lock",
    scope: asCaller,
    runsCallerCode: true,
    params: workspaceParams,
    body: dependenciesBody,
    ...started,
  }),
] as const;
