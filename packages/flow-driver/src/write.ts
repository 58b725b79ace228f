import { hashToken, type JobStatus } from "@towermill/queue";
import { errorCode, named, sql, type Database, type Queryable, type Sql } from "@towermill/store";
import type { Plan, PlannedEnd, PlannedJob } from "./plan.ts";
import { writeRest } from "./write-rest.ts";

/** What a plan's commit found. */
export interface Written {
  at: Date;
  /** Concurrency keys that became free, once for each run. */
  freed: string[];
}

/** Why a plan was not written: nothing of it was. */
export type Refusal = "moved" | "fenced";

/** `moved`: another was faster with a flow; `fenced`: a job is not any more what the plan took it for. */
export function refusalOf(error: unknown): Refusal | null {
  const code = errorCode(error);
  if (code === "TM001" || code === "23505") return "moved";
  return code === "TM002" ? "fenced" : null;
}

/**
 * Writes a plan in one commit: nearly always one statement, with a few more in one transaction where loops begin,
 * approvals come or a run is taken up again. It writes all or nothing: see {@link refusalOf}.
 */
export async function writePlan(db: Database, plan: Plan): Promise<Written> {
  const hasRest = [plan.items, plan.adopted, plan.resumes, plan.recorded, plan.args, plan.early, plan.wiped].some(
    (part) => part.length > 0,
  );
  if (!hasRest) return writeMain(db, plan);
  return db.transaction(async (tx) => {
    const written = await writeMain(tx, plan);
    await writeRest(tx, plan);
    return written;
  });
}

async function writeMain(db: Queryable, plan: Plan): Promise<Written> {
  const row = await db.one<{ at: Date; freed: string[] | null }>(statementOf(plan));
  return { at: row.at, freed: row.freed ?? [] };
}

function statementOf(plan: Plan): Sql {
  const { ends, flows, held, jobs } = plan;
  const column = <K extends keyof PlannedEnd>(key: K): (NonNullable<PlannedEnd[K]> | null)[] =>
    ends.map((end) => end[key] ?? null);
  return named(
    "flow_move",
    sql`with input as (
      select * from unnest(${column("id")}::uuid[], ${column("attempt")}::int[], ${column("status")}::text[],
        ${column("result")}::text[], ${column("memPeakKb")}::int[], ${column("runner")}::text[], ${column("startMs")}::real[],
        ${ends.map((end) => JSON.stringify(end.labels ?? []))}::text[], ${ends.map((end) => end.preprocessed ?? false)}::boolean[],
        ${column("deleteAfterSeconds")}::int[], ${ends.map((end) => end.lastLog?.position ?? null)}::int[],
        ${ends.map((end) => end.lastLog?.text ?? null)}::text[])
        as t (id, attempt, status, result, mem_peak_kb, runner, start_ms, labels, preprocessed, delete_after, log_position, log_text)
    ), gone as (
      delete from job_queue q using input i
      where q.id = i.id and q.attempt = coalesce(i.attempt, q.attempt) and q.running
        and (q.canceled_by is null or i.status = 'canceled')
      returning q.id, q.workspace_id, q.started_at, q.worker, q.canceled_by, q.canceled_reason, q.concurrency_key
    ), live as (
      delete from job_live l using gone g where l.id = g.id
    ), logged as (
      insert into job_log (job_id, position, text)
      select g.id, i.log_position, i.log_text from gone g join input i using (id) where i.log_text is not null
      on conflict (job_id, position) do nothing
    ), freed as (
      update concurrency_slot s set ended_at = now() from gone g where s.job_id = g.id and g.concurrency_key is not null
      returning s.key
    ), ended as (
      insert into job_done (id, workspace_id, status, started_at, duration_ms, result, canceled_by, canceled_reason, worker,
        mem_peak_kb, runner, start_ms, labels, preprocessed, delete_at)
      select g.id, g.workspace_id, i.status, g.started_at,
        greatest(0, extract(epoch from clock_timestamp() - g.started_at) * 1000)::bigint, i.result::json, g.canceled_by,
        g.canceled_reason, g.worker, i.mem_peak_kb, i.runner, i.start_ms, array(select json_array_elements_text(i.labels::json)),
        i.preprocessed, now() + make_interval(secs => i.delete_after)
      from gone g join input i using (id)
    ), flows as (
      select * from unnest(${flows.map((flow) => flow.id)}::uuid[], ${flows.map((flow) => flow.status)}::text[],
        ${flows.map((flow) => flow.from)}::int[], ${flows.map((flow) => flow.to)}::int[]) as t (id, status, was, revision)
    ), moved as (
      update job_flow f set status = i.status::json, revision = i.revision from flows i
      where f.id = i.id and f.revision = i.was returning f.id
    ), made as (
      insert into job_flow (id, status, revision) select id, status::json, revision from flows where was is null
      on conflict (id) do nothing returning id
    ), held as (
      update job_queue q set worker = null, suspend = i.suspend, suspend_until = to_timestamp(i.until / 1000.0)
      from unnest(${held.map((hold) => hold.id)}::uuid[], ${held.map((hold) => hold.attempt)}::int[],
        ${held.map((hold) => hold.suspend)}::int[], ${held.map((hold) => hold.until)}::float8[]) as i (id, attempt, suspend, until)
      where q.id = i.id and q.running and q.canceled_by is null and q.attempt = coalesce(i.attempt, q.attempt)
      returning q.id
    ), ${pushes(jobs)}, ${history(plan)}
    select now() as at, (select array_agg(key) from freed) as freed,
      flow_expect('TM002', (select count(*) from gone), ${ends.length}::int),
      flow_expect('TM002', (select count(*) from held), ${held.length}::int),
      flow_expect('TM001', (select count(*) from moved) + (select count(*) from made), ${flows.length}::int)`,
  );
}

/** Small fields travel as one JSON document, texts that may be large as arrays beside it. */
function pushes(jobs: readonly PlannedJob[]): Sql {
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
    ), queued as (
      insert into job_queue (id, workspace_id, tag, priority, scheduled_for, concurrency_key, running, attempt, worker,
        started_at, token_hash, suspend, suspend_until)
      select id, workspace_id, tag, coalesce(priority, 0), coalesce(scheduled_for, now()), concurrency_key, state <> 'queued',
        case when state = 'queued' then 0 else 1 end, worker, case when state <> 'queued' then now() end,
        decode(token_hash, 'hex'), coalesce(suspend, 0), to_timestamp(suspend_until / 1000.0)
      from pushed where state <> 'done'
    ), finished as (
      insert into job_done (id, workspace_id, status, started_at, duration_ms, result, labels, delete_at)
      select id, workspace_id, status, now(), 0, result::json, done_labels, now() + make_interval(secs => delete_after)
      from pushed where state = 'done'
    )`;
}

function history({ children, events }: Plan): Sql {
  const eventRows = events.map((event, position) => ({
    flow_job: event.flowJob,
    revision: event.revision,
    position,
    step: event.step,
    iteration: event.iteration,
    attempt: event.attempt,
    what: event.what,
    detail: event.detail,
  }));
  const childRows = children.map((child) => ({
    flow_job: child.flowJob,
    step: child.step,
    attempt: child.attempt,
    iteration: child.iteration ?? -1,
    job: child.job,
    kind: child.kind,
    root: child.root,
    leaf: child.leaf,
  }));
  return sql`children as (
      insert into flow_child (flow_job, step, attempt, iteration, job, kind, root, leaf)
      select flow_job, step, attempt, iteration, job, kind, root, leaf
      from json_to_recordset(${JSON.stringify(childRows)}::json) as c (flow_job uuid, step text, attempt int, iteration int,
        job uuid, kind text, root uuid, leaf text)
    ), events as (
      insert into flow_event (flow_job, revision, position, step, iteration, attempt, what, detail)
      select flow_job, revision, position, step, iteration, attempt, what, detail
      from json_to_recordset(${JSON.stringify(eventRows)}::json) as e (flow_job uuid, revision int, position int, step text,
        iteration int, attempt int, what text, detail json)
    )`;
}

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
