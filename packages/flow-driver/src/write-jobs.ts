import { hashToken } from "@towermill/queue";
import { sql } from "@towermill/store";
import type { PlannedJob } from "./plan.ts";
import { arrayText, sourceOf, type Column, type Source } from "./rows.ts";
import type { Clause } from "./write-clauses.ts";

type Ended = Extract<PlannedJob, { state: "done" }>;
type Held = Extract<PlannedJob, { state: "held" }>;
type Claimed = Extract<PlannedJob, { state: "claimed" }>;

const ended = (planned: PlannedJob): Partial<Ended> => (planned.state === "done" ? planned : {});
const held = (planned: PlannedJob): Partial<Held> => (planned.state === "held" ? planned : {});
const claimed = (planned: PlannedJob): Partial<Claimed> => (planned.state === "claimed" ? planned : {});

const columns: readonly Column<PlannedJob>[] = [
  { name: "id", type: sql`uuid`, of: ({ job }) => job.id },
  { name: "workspace_id", type: sql`text`, of: ({ job }) => job.workspace },
  { name: "kind", type: sql`text`, of: ({ job }) => job.kind },
  { name: "created_by", type: sql`text`, of: ({ job }) => job.createdBy },
  { name: "permissioned_as", type: sql`text`, of: ({ job }) => job.permissionedAs },
  { name: "email", type: sql`text`, of: ({ job }) => job.member.email },
  { name: "identity", type: sql`json`, of: ({ job }) => JSON.stringify(job.member) },
  { name: "script_path", type: sql`text`, of: ({ job }) => job.path },
  { name: "script_hash", type: sql`text`, of: ({ job }) => job.hash },
  { name: "language", type: sql`text`, of: ({ job }) => job.language },
  { name: "tag", type: sql`text`, of: ({ job }) => job.tag },
  { name: "args", type: sql`json`, of: ({ job }) => job.args },
  { name: "raw_code", type: sql`text`, of: ({ job }) => job.rawCode },
  { name: "raw_lock", type: sql`text`, of: ({ job }) => job.rawLock },
  { name: "parent_job", type: sql`uuid`, of: ({ job }) => job.parentJob },
  { name: "root_job", type: sql`uuid`, of: ({ job }) => job.rootJob },
  { name: "flow_step_id", type: sql`text`, of: ({ job }) => job.flowStepId },
  { name: "entrypoint", type: sql`text`, of: ({ job }) => job.entrypoint },
  { name: "priority", type: sql`int`, of: ({ job }) => job.priority },
  { name: "timeout_s", type: sql`int`, of: ({ job }) => job.timeoutSeconds },
  { name: "cache_ttl", type: sql`int`, of: ({ job }) => job.cacheTtlSeconds },
  { name: "concurrency_key", type: sql`text`, of: ({ job }) => job.concurrency?.key },
  { name: "concurrent_limit", type: sql`int`, of: ({ job }) => job.concurrency?.limit },
  { name: "concurrency_window_s", type: sql`int`, of: ({ job }) => job.concurrency?.windowSeconds },
  { name: "visible_to_owner", type: sql`boolean`, of: ({ job }) => job.visibleToOwner ?? true },
  { name: "labels", type: sql`text`, of: ({ job }) => arrayText(job.labels) },
  { name: "options", type: sql`jsonb`, of: ({ job }) => JSON.stringify(job.options ?? {}) },
  { name: "state", type: sql`text`, of: ({ state }) => state },
  { name: "scheduled_for", type: sql`timestamptz`, of: ({ job }) => job.scheduledFor?.toISOString() },
  { name: "worker", type: sql`text`, of: (planned) => claimed(planned).worker },
  { name: "token_hash", type: sql`bytea`, of: (planned) => hashOf(claimed(planned).secret) },
  { name: "suspend", type: sql`int`, of: (planned) => held(planned).suspend ?? 0 },
  { name: "suspend_until", type: sql`float8`, of: (planned) => held(planned).until },
  { name: "status", type: sql`text`, of: (planned) => ended(planned).status },
  { name: "result", type: sql`json`, of: (planned) => ended(planned).result },
  { name: "done_labels", type: sql`text`, of: (planned) => arrayText(ended(planned).labels) },
  { name: "delete_after", type: sql`int`, of: (planned) => ended(planned).deleteAfterSeconds },
];

function hashOf(secret: string | undefined): Buffer | null {
  return secret === undefined ? null : hashToken(secret);
}

/** Jobs that are pushed, with their queue rows, or with their results where they are over before they began. */
export function jobClauses(jobs: readonly PlannedJob[], few: boolean): Clause[] {
  if (jobs.length === 0) return [];
  const clauses = [definitions(sourceOf(sql`j`, columns, jobs, few))];
  if (jobs.some(({ state }) => state !== "done")) clauses.push(queueing);
  if (jobs.some(({ state }) => state === "done")) clauses.push(finishing);
  return clauses;
}

function definitions({ values, text, keep, shape }: Source): Clause {
  return {
    letter: `j${shape}`,
    values,
    text: () => sql`pushed as ${keep} (select * from ${text()}), jobs as (
      insert into job (id, workspace_id, kind, created_by, permissioned_as, email, identity, script_path, script_hash,
        language, tag, args, raw_code, raw_lock, parent_job, root_job, flow_step_id, entrypoint, priority, timeout_s,
        cache_ttl, concurrency_key, concurrent_limit, concurrency_window_s, visible_to_owner, labels, options)
      select id, workspace_id, kind, created_by, permissioned_as, email, identity, script_path, script_hash, language, tag,
        args, raw_code, raw_lock, parent_job, root_job, flow_step_id, entrypoint, priority, timeout_s, cache_ttl,
        concurrency_key, concurrent_limit, concurrency_window_s, visible_to_owner, labels::text[], options from pushed
    )`,
  };
}

const queueing: Clause = {
  letter: "q",
  values: [],
  text: () => sql`queued as (
      insert into job_queue (id, workspace_id, tag, priority, scheduled_for, concurrency_key, running, attempt, worker,
        started_at, token_hash, suspend, suspend_until)
      select id, workspace_id, tag, coalesce(priority, 0), coalesce(scheduled_for, now()), concurrency_key, state <> 'queued',
        case when state = 'queued' then 0 else 1 end, worker, case when state <> 'queued' then now() end,
        token_hash, suspend, to_timestamp(suspend_until / 1000.0)
      from pushed where state <> 'done'
    )`,
};

const finishing: Clause = {
  letter: "d",
  values: [],
  text: () => sql`finished as (
      insert into job_done (id, workspace_id, status, started_at, duration_ms, result, labels, delete_at)
      select id, workspace_id, status, now(), 0, result, done_labels::text[], now() + make_interval(secs => delete_after)
      from pushed where state = 'done'
    )`,
};
