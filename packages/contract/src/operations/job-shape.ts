import { z } from "zod";
import { languages } from "../language.ts";
import { choice, flag, integer, paging, text, timestamp } from "../query.ts";

/** Ids of jobs: any UUID, callers may choose their own. Compared in lower case. */
export const jobId = z.guid().transform((id) => id.toLowerCase());

export const workspaceParams = z.object({ workspace: z.string() });
export const jobParams = z.object({ workspace: z.string(), id: jobId });

/** A length of time in whole seconds, up to a hundred years. */
export const seconds = z.coerce.number().int().min(0).max(3_153_600_000).optional();

export const jobIds = z.array(jobId).max(100_000);

/** Arguments or results: any JSON, passed on as it was sent. */
export const anyJson = z.unknown();

const common = {
  id: z.string(),
  workspace_id: z.string().optional(),
  parent_job: z.string().optional(),
  root_job: z.string().optional(),
  created_by: z.string(),
  created_at: z.string(),
  started_at: z.string().optional(),
  script_path: z.string().optional(),
  script_hash: z.string().optional(),
  args: anyJson.optional(),
  logs: z.string().optional(),
  raw_code: z.string().optional(),
  raw_lock: z.string().optional(),
  raw_flow: anyJson.optional(),
  flow_status: anyJson.optional(),
  canceled: z.boolean(),
  canceled_by: z.string().optional(),
  canceled_reason: z.string().optional(),
  job_kind: z.string(),
  schedule_path: z.string().optional(),
  permissioned_as: z.string(),
  is_flow_step: z.boolean(),
  flow_step_id: z.string().optional(),
  language: z.enum(languages).optional(),
  email: z.string(),
  visible_to_owner: z.boolean(),
  mem_peak: z.number().optional(),
  tag: z.string(),
  priority: z.number().optional(),
  labels: z.array(z.string()).optional(),
  preprocessed: z.boolean().optional(),
  trigger_kind: z.string().optional(),
  worker: z.string().optional(),
};

export const queuedJob = z.looseObject({
  type: z.literal("QueuedJob").optional(),
  ...common,
  running: z.boolean(),
  scheduled_for: z.string().optional(),
  last_ping: z.string().optional(),
  suspend: z.number().optional(),
  waiting_reason: z.string().optional().describe("Why the job does not run yet"),
});

export const completedJob = z.looseObject({
  type: z.literal("CompletedJob").optional(),
  ...common,
  completed_at: z.string().optional(),
  duration_ms: z.number(),
  success: z.boolean(),
  status: z.enum(["success", "failure", "canceled", "skipped"]),
  result: anyJson.optional(),
  deleted: z.boolean().optional(),
  is_skipped: z.boolean(),
  resolved: z.boolean().optional(),
  resolved_by: z.string().optional(),
  resolved_at: z.string().optional(),
  resolution_note: z.string().optional(),
  resolved_automatically: z.boolean().optional(),
  runner: z.string().optional().describe("How the process came to the job: reused, fresh, cold, cached"),
  start_ms: z.number().optional().describe("Milliseconds until user code ran"),
});

export const anyJob = z.union([completedJob, queuedJob]);

/** Filters of the job lists; a list ignores those that make no sense for it. */
export const jobFilters = z.object({
  per_page: paging.per_page,
  page: paging.page,
  order_desc: flag,
  created_by: choice,
  label: choice,
  worker: choice,
  tag: choice,
  trigger_kind: choice,
  trigger_path: choice,
  script_path_exact: choice,
  script_path_start: choice,
  job_kinds: choice,
  script_hash: text,
  schedule_path: text,
  parent_job: jobId.optional(),
  concurrency_key: text,
  created_before: timestamp,
  created_after: timestamp,
  started_before: timestamp,
  started_after: timestamp,
  completed_before: timestamp,
  completed_after: timestamp,
  created_before_queue: timestamp,
  created_after_queue: timestamp,
  running: flag,
  scheduled_for_before_now: flag,
  suspended: flag,
  success: flag,
  status: z.enum(["success", "failure", "canceled", "skipped"]).optional(),
  resolved: flag,
  is_skipped: flag,
  is_flow_step: flag,
  has_null_parent: flag,
  is_not_schedule: flag,
  excludes_entrypoint_override: flag,
  args: text.describe("JSON the arguments must contain"),
  result: text.describe("JSON the result must contain"),
  allow_wildcards: flag,
  broad_filter: text,
  all_workspaces: flag,
});

/** Query parameters shared by every way to run a deployed script. */
export const runQuery = {
  scheduled_for: timestamp,
  scheduled_in_secs: seconds,
  skip_preprocessor: flag,
  parent_job: jobId.optional(),
  root_job: jobId.optional(),
  tag: text,
  cache_ttl: z.coerce.number().int().min(0).max(2_147_483_647).optional(),
  job_id: jobId.optional(),
  invisible_to_owner: flag,
  include_header: text,
  include_query: text,
  raw: flag,
  wrap_body: flag,
};

/** What a call that waits takes besides. */
export const waitQuery = { ...runQuery, queue_limit: integer, payload: text };
