import { ApiError, jsonDepth, maximumDepth, type Choice } from "@towermill/contract";
import type { jobsOperations } from "@towermill/contract";
import type { QueryOf } from "@towermill/contract";
import { sql, type Sql } from "@towermill/store";

type ListJobs = Extract<(typeof jobsOperations)[number], { id: "listJobs" }>;
export type JobFilters = QueryOf<ListJobs>;

/** Which jobs a list is about. */
export type Part = "all" | "queue" | "completed";

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, "\\$&");
}

function wildcardPattern(text: string): string {
  return escapeLike(text).replaceAll("*", "%");
}

/** A comma list on a column; a missing value is like an empty one. */
function chosen(column: Sql, choice: Choice | undefined, wildcards = false): Sql[] {
  if (!choice || choice.values.length === 0) return [];
  const { values, negated } = choice;
  const patterned = wildcards && values.some((text) => text.includes("*"));
  const [only = ""] = values;
  // the bare column, and one value as such: what an index can look up and still give in order
  if (!negated && !patterned && !values.includes("")) {
    return [values.length === 1 ? sql`${column} = ${only}` : sql`${column} = any(${values}::text[])`];
  }
  const value = sql`coalesce(${column}, '')`;
  const hit = patterned
    ? sql`${value} like any(${values.map(wildcardPattern)}::text[])`
    : sql`${value} = any(${values}::text[])`;
  return [negated ? sql`not (${hit})` : hit];
}

function startsWithAny(column: Sql, choice: Choice | undefined, wildcards: boolean): Sql[] {
  if (!choice || choice.values.length === 0) return [];
  const patterns = choice.values.map((text) => `${wildcards ? wildcardPattern(text) : escapeLike(text)}%`);
  const hit = sql`coalesce(${column}, '') like any(${patterns}::text[])`;
  return [choice.negated ? sql`not (${hit})` : hit];
}

function labeled(choice: Choice | undefined, wildcards: boolean): Sql[] {
  if (!choice || choice.values.length === 0) return [];
  const labels = sql`(coalesce(j.labels, '{}') || coalesce(d.labels, '{}'))`;
  const hit = wildcards
    ? sql`exists (select from unnest(${labels}) l where l like any(${choice.values.map(wildcardPattern)}::text[]))`
    : sql`${labels} && ${choice.values}::text[]`;
  return [choice.negated ? sql`not (${hit})` : hit];
}

function when<T>(value: T | undefined, condition: (value: T) => Sql): Sql[] {
  return value === undefined ? [] : [condition(value)];
}

function either(flag: boolean | undefined, yes: Sql, no: Sql): Sql[] {
  return flag === undefined ? [] : [flag ? yes : no];
}

function choices(f: JobFilters): Sql[] {
  const wild = f.allow_wildcards ?? false;
  return [
    ...chosen(sql`j.created_by`, f.created_by, wild),
    ...chosen(sql`coalesce(d.worker, q.worker)`, f.worker, wild),
    ...chosen(sql`j.tag`, f.tag, wild),
    ...chosen(sql`j.trigger_kind`, f.trigger_kind),
    ...chosen(sql`j.trigger_path`, f.trigger_path, wild),
    ...chosen(sql`j.script_path`, f.script_path_exact, wild),
    ...startsWithAny(sql`j.script_path`, f.script_path_start, wild),
    ...chosen(sql`j.kind`, f.job_kinds),
    ...labeled(f.label, wild),
    ...when(f.script_hash, (hash) => sql`j.script_hash = ${hash}`),
    ...when(f.schedule_path, (path) => sql`j.trigger_kind = 'schedule' and j.trigger_path = ${path}`),
    ...when(f.parent_job, (id) => sql`j.parent_job = ${id}`),
    ...when(f.concurrency_key, (key) => sql`j.concurrency_key = ${key}`),
    ...when(f.broad_filter, (text) => broad(text)),
  ];
}

function broad(text: string): Sql {
  const pattern = `%${wildcardPattern(text)}%`;
  return sql`(j.script_path ilike ${pattern} or j.created_by ilike ${pattern} or j.tag ilike ${pattern} or j.kind ilike ${pattern}
    or j.id::text ilike ${pattern} or j.trigger_path ilike ${pattern}
    or exists (select from unnest(coalesce(j.labels, '{}') || coalesce(d.labels, '{}')) l where l ilike ${pattern}))`;
}

function flags(f: JobFilters): Sql[] {
  return [
    ...either(f.running, sql`q.running`, sql`not q.running`),
    ...either(f.scheduled_for_before_now, sql`q.scheduled_for <= now()`, sql`q.scheduled_for > now()`),
    ...either(f.suspended, sql`q.suspend_until is not null`, sql`q.suspend_until is null and q.id is not null`),
    ...either(f.success, sql`d.status in ('success', 'skipped')`, sql`d.status in ('failure', 'canceled')`),
    ...when(f.status, (status) => sql`d.status = ${status}`),
    ...either(f.resolved, sql`d.resolution is not null`, sql`d.id is not null and d.resolution is null`),
    ...either(f.is_skipped, sql`d.status = 'skipped'`, sql`d.status is distinct from 'skipped'`),
    ...either(f.is_flow_step, sql`j.flow_step_id is not null`, sql`j.flow_step_id is null`),
    ...either(f.has_null_parent, sql`j.parent_job is null`, sql`j.parent_job is not null`),
    ...either(f.is_not_schedule, sql`j.trigger_kind is distinct from 'schedule'`, sql`j.trigger_kind = 'schedule'`),
    ...(f.excludes_entrypoint_override ? [sql`j.entrypoint is null`] : []),
  ];
}

/** `before` includes the moment, `after` does not. */
function moments(f: JobFilters, part: Part): Sql[] {
  const byEnd = f.completed_before !== undefined || f.completed_after !== undefined;
  const byQueue = f.created_before_queue !== undefined || f.created_after_queue !== undefined;
  const ended = [
    ...when(f.completed_before, (at) => sql`d.completed_at <= ${at}`),
    ...when(f.completed_after, (at) => sql`d.completed_at > ${at}`),
  ];
  const queued = [
    ...when(f.created_before_queue, (at) => sql`j.created_at <= ${at}`),
    ...when(f.created_after_queue, (at) => sql`j.created_at > ${at}`),
  ];
  const and = (conditions: Sql[]): Sql => sql.join([sql`true`, ...conditions], sql` and `);
  // filters on the end leave out what has not ended, unless the queue has filters of its own
  const split =
    byEnd || byQueue
      ? [
          sql`((d.id is not null and ${and(ended)}) or (q.id is not null and ${byEnd && !byQueue ? sql`false` : and(queued)}))`,
        ]
      : [];
  const startedAt = sql`coalesce(d.started_at, q.started_at)`;
  return [
    ...when(f.created_before, (at) => sql`j.created_at <= ${at}`),
    ...when(f.created_after, (at) => sql`j.created_at > ${at}`),
    ...when(f.started_before, (at) => sql`${startedAt} <= ${at}`),
    ...when(f.started_after, (at) => sql`${startedAt} > ${at}`),
    ...(part === "completed" ? ended : split),
  ];
}

/** The conditions of a list; uses the aliases `j`, `q` and `d`. */
export function filterConditions(filters: JobFilters, part: Part): Sql[] {
  return [...choices(filters), ...flags(filters), ...moments(filters, part)];
}

/** A JSON value that arguments or results must contain. @throws ApiError naming the parameter */
export function subsetFilter(name: "args" | "result", text: string | undefined): unknown {
  if (text === undefined || text === "") return undefined;
  let wanted: unknown;
  try {
    wanted = JSON.parse(text);
  } catch {
    throw new ApiError("bad_request", `query.${name}: is not valid JSON`);
  }
  if (jsonDepth(text) > maximumDepth) {
    throw new ApiError("bad_request", `query.${name}: is nested deeper than ${maximumDepth} levels`);
  }
  return wanted;
}

/** Whether a JSON value contains another, as PostgreSQL's `@>`: members of objects, some elements of arrays, equal scalars. */
export function contains(value: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted))
    return Array.isArray(value) && wanted.every((part) => value.some((item) => contains(item, part)));
  if (typeof wanted !== "object" || wanted === null) {
    return value === wanted || (Array.isArray(value) && value.includes(wanted));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const object = value as Record<string, unknown>;
  return Object.entries(wanted).every(([key, part]) => Object.hasOwn(object, key) && contains(object[key], part));
}
