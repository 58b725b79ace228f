import { hashToken, type JobStatus } from "@towermill/queue";
import { sql, type Sql } from "@towermill/store";
import type { PlannedJob } from "./plan.ts";
import type { Clause } from "./write-clauses.ts";

/**
 * Jobs that are pushed, with their queue rows, or with their results where they are over before they began. Small fields
 * travel as one JSON document, texts that may be large as arrays beside it.
 */
export function jobClauses(jobs: readonly PlannedJob[]): Clause[] {
  if (jobs.length === 0) return [];
  const clauses: Clause[] = [{ letter: "j", part: definitions(jobs) }];
  if (jobs.some(({ state }) => state !== "done")) clauses.push(queueing);
  if (jobs.some(({ state }) => state === "done")) clauses.push(finishing);
  return clauses;
}

function definitions(jobs: readonly PlannedJob[]): Sql {
  const ended = jobs.map((planned) => (planned.state === "done" ? planned : null));
  return sql`pushed as (
      select j.*, a.args, a.raw_code, a.raw_lock, a.result
      from json_to_recordset(${JSON.stringify(jobs.map(rowOf))}::json) as j (position int, id uuid, workspace_id text, kind text,
        created_by text, permissioned_as text, email text, identity json, script_path text, script_hash text, language text,
        tag text, parent_job uuid, root_job uuid, flow_step_id text, entrypoint text, priority int, timeout_s int, cache_ttl int,
        concurrency_key text, concurrent_limit int, concurrency_window_s int, visible_to_owner boolean, labels text[],
        options jsonb, scheduled_for timestamptz, state text, worker text, token_hash text, status text,
        done_labels text[], delete_after int, suspend int, suspend_until float8)
      join unnest(${jobs.map(({ job }) => job.args)}::text[], ${jobs.map(({ job }) => job.rawCode ?? null)}::text[],
        ${jobs.map(({ job }) => job.rawLock ?? null)}::text[], ${ended.map((end) => end?.result ?? null)}::text[])
        with ordinality as a (args, raw_code, raw_lock, result, position) on a.position = j.position
    ), jobs as (
      insert into job (id, workspace_id, kind, created_by, permissioned_as, email, identity, script_path, script_hash,
        language, tag, args, raw_code, raw_lock, parent_job, root_job, flow_step_id, entrypoint, priority, timeout_s,
        cache_ttl, concurrency_key, concurrent_limit, concurrency_window_s, visible_to_owner, labels, options)
      select id, workspace_id, kind, created_by, permissioned_as, email, identity, script_path, script_hash, language, tag,
        args::json, raw_code, raw_lock, parent_job, root_job, flow_step_id, entrypoint, priority, timeout_s, cache_ttl,
        concurrency_key, concurrent_limit, concurrency_window_s, visible_to_owner, labels, options from pushed
    )`;
}

const queueing: Clause = {
  letter: "q",
  part: sql`queued as (
      insert into job_queue (id, workspace_id, tag, priority, scheduled_for, concurrency_key, running, attempt, worker,
        started_at, token_hash, suspend, suspend_until)
      select id, workspace_id, tag, coalesce(priority, 0), coalesce(scheduled_for, now()), concurrency_key, state <> 'queued',
        case when state = 'queued' then 0 else 1 end, worker, case when state <> 'queued' then now() end,
        decode(token_hash, 'hex'), coalesce(suspend, 0), to_timestamp(suspend_until / 1000.0)
      from pushed where state <> 'done'
    )`,
};

const finishing: Clause = {
  letter: "d",
  part: sql`finished as (
      insert into job_done (id, workspace_id, status, started_at, duration_ms, result, labels, delete_at)
      select id, workspace_id, status, now(), 0, result::json, done_labels, now() + make_interval(secs => delete_after)
      from pushed where state = 'done'
    )`,
};

function rowOf(planned: PlannedJob, index: number): Record<string, unknown> {
  const { job, state } = planned;
  const end: { status?: JobStatus; done_labels?: string[]; delete_after?: number | null } =
    planned.state === "done"
      ? { status: planned.status, done_labels: planned.labels, delete_after: planned.deleteAfterSeconds }
      : {};
  return {
    position: index + 1,
    id: job.id,
    workspace_id: job.workspace,
    kind: job.kind,
    created_by: job.createdBy,
    permissioned_as: job.permissionedAs,
    email: job.member.email,
    identity: job.member,
    script_path: job.path,
    script_hash: job.hash,
    language: job.language,
    tag: job.tag,
    parent_job: job.parentJob,
    root_job: job.rootJob,
    flow_step_id: job.flowStepId,
    entrypoint: job.entrypoint,
    priority: job.priority,
    timeout_s: job.timeoutSeconds,
    cache_ttl: job.cacheTtlSeconds,
    concurrency_key: job.concurrency?.key,
    concurrent_limit: job.concurrency?.limit,
    concurrency_window_s: job.concurrency?.windowSeconds,
    visible_to_owner: job.visibleToOwner ?? true,
    labels: job.labels,
    options: job.options ?? {},
    scheduled_for: job.scheduledFor,
    state,
    ...(planned.state === "claimed" && {
      worker: planned.worker,
      token_hash: hashToken(planned.secret).toString("hex"),
    }),
    ...(planned.state === "held" && { suspend: planned.suspend, suspend_until: planned.until }),
    ...end,
  };
}
