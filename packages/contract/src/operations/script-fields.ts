import { z } from "zod";
import { languages } from "../language.ts";
import { acl, labels, storable } from "./item.ts";

const count = z.number().int().min(0).max(2_147_483_647).nullish();

/** Fields of a script that are rarely set; stored and answered under these names, absent when unset. */
export const scriptOptions = {
  tag: storable.nullish(),
  envs: z.array(storable).nullish(),
  concurrent_limit: count,
  concurrency_time_window_s: count,
  concurrency_key: storable.nullish(),
  debounce_key: storable.nullish(),
  debounce_delay_s: count,
  debounce_args_to_accumulate: z.array(storable).nullish(),
  max_total_debouncing_time: count,
  max_total_debounces_amount: count,
  cache_ttl: count,
  cache_ignore_s3_path: z.boolean().nullish(),
  dedicated_worker: z.boolean().nullish(),
  ws_error_handler_muted: z.boolean().nullish(),
  priority: z.number().int().min(-32_768).max(32_767).nullish(),
  restart_unless_cancelled: z.boolean().nullish(),
  timeout: count,
  delete_after_secs: count,
  visible_to_runner_only: z.boolean().nullish(),
  auto_kind: storable.nullish(),
  codebase: storable.nullish(),
  has_preprocessor: z.boolean().nullish(),
  on_behalf_of_email: storable.nullish(),
  on_behalf_of: storable.nullish(),
  modules: z
    .record(storable, z.object({ content: storable, language: storable, lock: storable.nullish() }).loose())
    .nullish(),
  labels,
  assets: z.array(z.record(z.string(), z.unknown())).nullish(),
};

export const scriptKinds = ["script", "failure", "trigger", "command", "approval", "preprocessor"] as const;

export const newScript = z.object({
  path: storable,
  parent_hash: storable.nullish(),
  auto_parent: z.boolean().nullish(),
  summary: storable.default(""),
  description: storable.nullish(),
  content: storable,
  schema: z.record(z.string(), z.unknown()).nullish(),
  is_template: z.boolean().nullish(),
  lock: z.union([storable, z.array(storable)]).nullish(),
  language: z.enum(languages),
  kind: z.enum(scriptKinds).nullish(),
  deployment_message: storable.nullish(),
  preserve_on_behalf_of: z.boolean().nullish(),
  skip_draft_deletion: z.boolean().nullish(),
  ...scriptOptions,
});

export type NewScript = z.output<typeof newScript>;

export const script = z
  .object({
    workspace_id: z.string(),
    hash: z.string(),
    path: z.string(),
    parent_hashes: z.array(z.string()).optional(),
    summary: z.string(),
    description: z.string().optional(),
    content: z.string().optional(),
    created_by: z.string(),
    created_at: z.string(),
    archived: z.boolean(),
    schema: z.record(z.string(), z.unknown()).optional(),
    deleted: z.boolean(),
    is_template: z.boolean(),
    extra_perms: acl,
    lock: z.string().optional(),
    lock_error_logs: z.string().optional(),
    language: z.string(),
    kind: z.string(),
    starred: z.boolean(),
    has_preprocessor: z.boolean(),
    ws_error_handler_muted: z.boolean(),
  })
  .loose();

export const scriptVersion = z.object({
  script_hash: z.string(),
  deployment_msg: z.string().optional(),
  created_at: z.string().optional(),
  created_by: z.string().optional(),
});
