import { named, sql, type Queryable, type Sql } from "@towermill/store";
import type { JobStatus } from "@towermill/queue";
import { composeJson } from "../http/verbatim.ts";

/** A job with what the queue or its end says of it; both are null only while it is being deleted. */
export interface JobRow {
  id: string;
  workspace_id: string;
  kind: string;
  created_at: Date;
  created_by: string;
  permissioned_as: string;
  email: string;
  script_path: string | null;
  script_hash: string | null;
  language: string | null;
  tag: string;
  parent_job: string | null;
  root_job: string | null;
  flow_step_id: string | null;
  trigger_kind: string | null;
  trigger_path: string | null;
  priority: number | null;
  visible_to_owner: boolean;
  concurrency_key: string | null;
  labels: string[] | null;
  running: boolean | null;
  scheduled_for: Date | null;
  suspend: number | null;
  suspend_until: Date | null;
  started_at: Date | null;
  worker: string | null;
  canceled_by: string | null;
  canceled_reason: string | null;
  status: JobStatus | null;
  completed_at: Date | null;
  duration_ms: number | null;
  mem_peak_kb: number | null;
  runner: string | null;
  start_ms: number | null;
  preprocessed: boolean | null;
  deleted: boolean | null;
  resolution: { by?: string; at?: string; note?: string; automatically?: boolean } | null;
}

/** The large parts, only for one job at a time. */
export interface JobDetails extends JobRow {
  args: string | null;
  raw_code: string | null;
  raw_lock: string | null;
  raw_flow: string | null;
  result: string | null;
}

export const jobTables: Sql = sql`job j left join job_queue q on q.id = j.id left join job_done d on d.id = j.id`;

export const jobColumns: Sql = sql`j.id, j.workspace_id, j.kind, j.created_at, j.created_by, j.permissioned_as, j.email,
  j.script_path, j.script_hash, j.language, j.tag, j.parent_job, j.root_job, j.flow_step_id, j.trigger_kind, j.trigger_path,
  j.priority, j.visible_to_owner, j.concurrency_key, coalesce(j.labels, '{}') || coalesce(d.labels, '{}') as labels,
  q.running, q.scheduled_for, q.suspend, q.suspend_until, coalesce(d.started_at, q.started_at) as started_at,
  coalesce(d.worker, q.worker) as worker, coalesce(d.canceled_by, q.canceled_by) as canceled_by,
  coalesce(d.canceled_reason, q.canceled_reason) as canceled_reason, d.status, d.completed_at, d.duration_ms, d.mem_peak_kb,
  d.runner, d.start_ms, d.preprocessed, d.deleted, d.resolution`;

/** One job without its large parts. */
export function findJob(db: Queryable, workspace: string, id: string): Promise<JobRow | undefined> {
  return db.maybe<JobRow>(
    named("find_job", sql`select ${jobColumns} from ${jobTables} where j.id = ${id} and j.workspace_id = ${workspace}`),
  );
}

/** One job with everything. */
export function findJobDetails(db: Queryable, workspace: string, id: string): Promise<JobDetails | undefined> {
  return db.maybe<JobDetails>(
    named(
      "find_job_details",
      sql`select ${jobColumns}, j.args, j.raw_code, j.raw_lock, j.raw_flow, d.result
        from ${jobTables} where j.id = ${id} and j.workspace_id = ${workspace}`,
    ),
  );
}

function commonFields(row: JobRow): Record<string, unknown> {
  const labels = [...new Set(row.labels)];
  return {
    type: row.status === null ? "QueuedJob" : "CompletedJob",
    id: row.id,
    workspace_id: row.workspace_id,
    parent_job: row.parent_job,
    root_job: row.root_job,
    created_by: row.created_by,
    created_at: row.created_at,
    started_at: row.started_at ?? row.completed_at,
    script_path: row.script_path,
    script_hash: row.script_hash,
    canceled: row.status === null ? row.canceled_by !== null : row.status === "canceled",
    canceled_by: row.canceled_by,
    canceled_reason: row.canceled_reason,
    job_kind: row.kind,
    schedule_path: row.trigger_kind === "schedule" ? row.trigger_path : null,
    permissioned_as: row.permissioned_as,
    is_flow_step: row.flow_step_id !== null,
    flow_step_id: row.flow_step_id,
    language: row.language,
    email: row.email,
    visible_to_owner: row.visible_to_owner,
    mem_peak: row.mem_peak_kb,
    tag: row.tag,
    priority: row.priority,
    labels: labels.length > 0 ? labels : null,
    preprocessed: row.preprocessed === true ? true : null,
    trigger_kind: row.trigger_kind,
    trigger_path: row.trigger_path,
    worker: row.worker,
  };
}

function queuedFields(row: JobRow): Record<string, unknown> {
  return {
    running: row.running ?? false,
    scheduled_for: row.scheduled_for,
    suspend: row.suspend ? row.suspend : null,
  };
}

function completedFields(row: JobRow): Record<string, unknown> {
  const { resolution } = row;
  return {
    completed_at: row.completed_at,
    duration_ms: row.duration_ms ?? 0,
    success: isSuccess(row.status),
    status: row.status,
    is_skipped: row.status === "skipped",
    deleted: row.deleted === true ? true : null,
    runner: row.runner,
    start_ms: row.start_ms,
    ...(resolution
      ? {
          resolved: true,
          resolved_by: resolution.by,
          resolved_at: resolution.at,
          resolution_note: resolution.note,
          resolved_automatically: resolution.automatically ?? false,
        }
      : {}),
  };
}

export function isSuccess(status: JobStatus | null): boolean {
  return status === "success" || status === "skipped";
}

/** What a caller gets of a job besides the row itself; values are JSON texts. */
export type JobExtras = Readonly<Record<string, string | null | undefined>>;

/** A job in the API's form, as JSON text. Unset fields are absent. */
export function jobJson(row: JobRow, extras: JobExtras = {}): string {
  return composeJson(
    { ...commonFields(row), ...(row.status === null ? queuedFields(row) : completedFields(row)) },
    extras,
  );
}

/** The large parts of a job as extras of {@link jobJson}. */
export function detailExtras(row: JobDetails, { code, logs }: { code: boolean; logs: string | null }): JobExtras {
  const text = (value: string | null): string | null => (value === null ? null : JSON.stringify(value));
  return {
    args: row.args,
    logs: text(logs),
    raw_code: code ? text(row.raw_code) : null,
    raw_lock: code ? text(row.raw_lock) : null,
    raw_flow: code ? row.raw_flow : null,
    // a completed job always has a result, be it null
    result: row.status === null ? undefined : (row.result ?? "null"),
  };
}
