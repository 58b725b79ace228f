import { arrayText, sql, type Column, type Sql } from "@towermill/store";
import type { NewJob } from "./job.ts";

/** The columns of table `job`, for {@link insertJobs}. */
export const jobColumns: readonly Column<NewJob>[] = [
  { name: "id", type: "uuid", of: ({ id }) => id },
  { name: "workspace_id", type: "text", of: ({ workspace }) => workspace },
  { name: "kind", type: "text", of: ({ kind }) => kind },
  { name: "created_by", type: "text", of: ({ createdBy }) => createdBy },
  { name: "permissioned_as", type: "text", of: ({ permissionedAs }) => permissionedAs },
  { name: "email", type: "text", of: ({ member }) => member.email },
  { name: "identity", type: "json", of: ({ member }) => identityText(member) },
  { name: "script_path", type: "text", of: ({ path }) => path },
  { name: "script_hash", type: "text", of: ({ hash }) => hash, optional: "h" },
  { name: "language", type: "text", of: ({ language }) => language },
  { name: "tag", type: "text", of: ({ tag }) => tag },
  { name: "args", type: "json", of: ({ args }) => args },
  { name: "raw_code", type: "text", of: ({ rawCode }) => rawCode, optional: "c" },
  { name: "raw_lock", type: "text", of: ({ rawLock }) => rawLock, optional: "c" },
  { name: "raw_flow", type: "json", of: ({ rawFlow }) => rawFlow, optional: "f" },
  { name: "parent_job", type: "uuid", of: ({ parentJob }) => parentJob, optional: "p" },
  { name: "root_job", type: "uuid", of: ({ rootJob }) => rootJob, optional: "p" },
  { name: "flow_step_id", type: "text", of: ({ flowStepId }) => flowStepId, optional: "p" },
  { name: "trigger_kind", type: "text", of: ({ triggerKind }) => triggerKind, optional: "t" },
  { name: "trigger_path", type: "text", of: ({ triggerPath }) => triggerPath, optional: "t" },
  { name: "entrypoint", type: "text", of: ({ entrypoint }) => entrypoint, optional: "o" },
  { name: "priority", type: "int2", of: ({ priority }) => priority, optional: "o" },
  { name: "timeout_s", type: "int4", of: ({ timeoutSeconds }) => timeoutSeconds, optional: "o" },
  { name: "cache_ttl", type: "int4", of: ({ cacheTtlSeconds }) => cacheTtlSeconds, optional: "o" },
  { name: "concurrency_key", type: "text", of: ({ concurrency }) => concurrency?.key, optional: "o" },
  { name: "concurrent_limit", type: "int4", of: ({ concurrency }) => concurrency?.limit, optional: "o" },
  { name: "concurrency_window_s", type: "int4", of: ({ concurrency }) => concurrency?.windowSeconds, optional: "o" },
  {
    name: "visible_to_owner",
    type: "bool",
    of: ({ visibleToOwner }) => (visibleToOwner === false ? false : null),
    optional: "o",
  },
  { name: "labels", type: "text", of: ({ labels }) => arrayText(labels), optional: "o" },
  { name: "options", type: "jsonb", of: ({ options }) => (options ? JSON.stringify(options) : "{}") },
];

const identityTexts = new WeakMap<object, string>();

/** One caller's jobs carry the same rights, mostly as the same object. */
function identityText(member: NewJob["member"]): string {
  const known = identityTexts.get(member);
  if (known !== undefined) return known;
  const text = JSON.stringify(member);
  identityTexts.set(member, text);
  return text;
}

/** Writes the rows of table `job`; `source` names rows of {@link jobColumns}. */
export function insertJobs(source: Sql): Sql {
  return sql`insert into job (id, workspace_id, kind, created_by, permissioned_as, email, identity, script_path, script_hash,
      language, tag, args, raw_code, raw_lock, raw_flow, parent_job, root_job, flow_step_id, trigger_kind, trigger_path,
      entrypoint, priority, timeout_s, cache_ttl, concurrency_key, concurrent_limit, concurrency_window_s,
      visible_to_owner, labels, options)
    select id, workspace_id, kind, created_by, permissioned_as, email, identity, script_path, script_hash, language, tag,
      args, raw_code, raw_lock, raw_flow, parent_job, root_job, flow_step_id, trigger_kind, trigger_path,
      entrypoint, priority, timeout_s, cache_ttl, concurrency_key, concurrent_limit, concurrency_window_s,
      coalesce(visible_to_owner, true), labels::text[], options
    from ${source}`;
}
