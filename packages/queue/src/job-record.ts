import { sql, type Sql } from "@towermill/store";
import type { NewJob } from "./job.ts";

/**
 * A job as one member of a JSON array that `json_to_recordset` reads as {@link jobRecord}: one parameter, and one
 * statement, for any number of jobs. Texts of JSON travel as strings, so that they arrive letter by letter.
 */
export function jobRecordOf(job: NewJob): Record<string, unknown> {
  const { concurrency } = job;
  return {
    id: job.id,
    workspace_id: job.workspace,
    kind: job.kind,
    created_by: job.createdBy,
    permissioned_as: job.permissionedAs,
    email: job.member.email,
    identity: job.member,
    script_path: job.path ?? undefined,
    script_hash: job.hash ?? undefined,
    language: job.language ?? undefined,
    tag: job.tag,
    args: job.args ?? undefined,
    raw_code: job.rawCode ?? undefined,
    raw_lock: job.rawLock ?? undefined,
    raw_flow: job.rawFlow ?? undefined,
    parent_job: job.parentJob ?? undefined,
    root_job: job.rootJob ?? undefined,
    flow_step_id: job.flowStepId ?? undefined,
    trigger_kind: job.triggerKind ?? undefined,
    trigger_path: job.triggerPath ?? undefined,
    entrypoint: job.entrypoint ?? undefined,
    priority: job.priority ?? undefined,
    timeout_s: job.timeoutSeconds ?? undefined,
    cache_ttl: job.cacheTtlSeconds ?? undefined,
    concurrency_key: concurrency?.key,
    concurrent_limit: concurrency?.limit,
    concurrency_window_s: concurrency?.windowSeconds,
    visible_to_owner: job.visibleToOwner ?? true,
    labels: job.labels ?? undefined,
    options: job.options ?? {},
    scheduled_for: job.scheduledFor ?? undefined,
  };
}

/** Columns of {@link jobRecordOf} and their types, for `json_to_recordset(…) as t (…)`. */
export const jobRecord: Sql = sql`id uuid, workspace_id text, kind text, created_by text, permissioned_as text, email text,
  identity json, script_path text, script_hash text, language text, tag text, args text, raw_code text, raw_lock text,
  raw_flow text, parent_job uuid, root_job uuid, flow_step_id text, trigger_kind text, trigger_path text, entrypoint text,
  priority smallint, timeout_s int, cache_ttl int, concurrency_key text, concurrent_limit int, concurrency_window_s int,
  visible_to_owner boolean, labels text[], options jsonb, scheduled_for timestamptz`;

/** Writes the rows of table `job` from records; `source` names them. */
export function insertJobs(source: Sql): Sql {
  return sql`insert into job (id, workspace_id, kind, created_by, permissioned_as, email, identity, script_path, script_hash,
      language, tag, args, raw_code, raw_lock, raw_flow, parent_job, root_job, flow_step_id, trigger_kind, trigger_path,
      entrypoint, priority, timeout_s, cache_ttl, concurrency_key, concurrent_limit, concurrency_window_s,
      visible_to_owner, labels, options)
    select id, workspace_id, kind, created_by, permissioned_as, email, identity, script_path, script_hash, language, tag,
      args::json, raw_code, raw_lock, raw_flow::json, parent_job, root_job, flow_step_id, trigger_kind, trigger_path,
      entrypoint, priority, timeout_s, cache_ttl, concurrency_key, concurrent_limit, concurrency_window_s,
      visible_to_owner, labels, options
    from ${source}`;
}
