import { claimedAsJson, claimPart, hashToken } from "@towermill/queue";
import { sql, type Sql } from "@towermill/store";
import type { Plan, PlannedEnd, PlannedFlow, PlannedHold } from "./plan.ts";

/** A part of the statement that writes a plan. */
export interface Clause {
  /** Names it in the statement's name. */
  letter: string;
  /** `name as (…)` */
  part: Sql;
  /** A column of the statement's answer: what was freed, or a check of how many rows were found. */
  answer?: Sql;
}

/**
 * A condition that makes queue rows be locked after the flows they belong to, as a cancellation does: else the two could
 * wait for each other.
 */
export function orderAfter(flows: readonly PlannedFlow[]): Sql {
  const moved = flows.filter(({ from }) => from !== null).length;
  return moved === 0 ? sql.empty : sql` and (select count(*) from moved) = ${moved}::int`;
}

/** Jobs that end leave the queue. Only the attempt that runs may end a job, and only as cancelled if it was cancelled. */
export function endClauses(ends: readonly PlannedEnd[], order: Sql): Clause[] {
  if (ends.length === 0) return [];
  const column = <K extends keyof PlannedEnd>(key: K): (NonNullable<PlannedEnd[K]> | null)[] =>
    ends.map((end) => end[key] ?? null);
  const main: Clause = {
    letter: "e",
    part: sql`input as (
      select * from unnest(${column("id")}::uuid[], ${column("attempt")}::int[], ${column("status")}::text[],
        ${column("result")}::text[], ${column("memPeakKb")}::int[], ${column("runner")}::text[], ${column("startMs")}::real[],
        ${ends.map((end) => JSON.stringify(end.labels ?? []))}::text[], ${ends.map((end) => end.preprocessed ?? false)}::boolean[],
        ${column("deleteAfterSeconds")}::int[])
        as t (id, attempt, status, result, mem_peak_kb, runner, start_ms, labels, preprocessed, delete_after)
    ), gone as (
      delete from job_queue q using input i
      where q.id = i.id and q.attempt = coalesce(i.attempt, q.attempt) and q.running
        and (q.canceled_by is null or i.status = 'canceled')${order}
      returning q.id, q.workspace_id, q.started_at, q.worker, q.canceled_by, q.canceled_reason, q.concurrency_key
    ), live as (
      delete from job_live l using gone g where l.id = g.id
    ), ended as (
      insert into job_done (id, workspace_id, status, started_at, duration_ms, result, canceled_by, canceled_reason, worker,
        mem_peak_kb, runner, start_ms, labels, preprocessed, delete_at)
      select g.id, g.workspace_id, i.status, g.started_at,
        greatest(0, extract(epoch from clock_timestamp() - g.started_at) * 1000)::bigint, i.result::json, g.canceled_by,
        g.canceled_reason, g.worker, i.mem_peak_kb, i.runner, i.start_ms, array(select json_array_elements_text(i.labels::json)),
        i.preprocessed, now() + make_interval(secs => i.delete_after)
      from gone g join input i using (id)
    )`,
    answer: sql`flow_expect('TM002', (select count(*) from gone), ${ends.length}::int)`,
  };
  return [main, ...logClauses(ends), ...(ends.some(({ limited }) => limited) ? [freeing] : [])];
}

const freeing: Clause = {
  letter: "c",
  part: sql`freed as (
    update concurrency_slot s set ended_at = now() from gone g where s.job_id = g.id and g.concurrency_key is not null
    returning s.key
  )`,
  answer: sql`(select array_agg(key) from freed) as freed`,
};

function logClauses(ends: readonly PlannedEnd[]): Clause[] {
  const logs = ends.flatMap(({ id, lastLog }) => (lastLog ? [{ id, ...lastLog }] : []));
  if (logs.length === 0) return [];
  return [
    {
      letter: "l",
      part: sql`logged as (
        insert into job_log (job_id, position, text)
        select g.id, i.position, i.text from gone g join unnest(${logs.map(({ id }) => id)}::uuid[],
          ${logs.map(({ position }) => position)}::int[], ${logs.map(({ text }) => text)}::text[]) as i (id, position, text) using (id)
        on conflict (job_id, position) do nothing
      )`,
    },
  ];
}

/** Statuses, each only if its revision is the one that was seen. */
export function flowClauses(flows: readonly PlannedFlow[]): Clause[] {
  const moved = flows.filter(({ from }) => from !== null).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const made = flows.filter(({ from }) => from === null);
  const clauses: Clause[] = [];
  if (moved.length > 0) {
    clauses.push({
      letter: "u",
      part: sql`moved as (
        update job_flow f set status = i.status::json, revision = i.revision
        from unnest(${moved.map(({ id }) => id)}::uuid[], ${moved.map(({ status }) => status)}::text[],
          ${moved.map(({ from }) => from)}::int[], ${moved.map(({ to }) => to)}::int[]) as i (id, status, was, revision)
        where f.id = i.id and f.revision = i.was returning f.id
      )`,
      answer: sql`flow_expect('TM001', (select count(*) from moved), ${moved.length}::int)`,
    });
  }
  if (made.length > 0) {
    clauses.push({
      letter: "n",
      part: sql`made as (
        insert into job_flow (id, status, revision)
        select * from unnest(${made.map(({ id }) => id)}::uuid[], ${made.map(({ status }) => status)}::json[],
          ${made.map(({ to }) => to)}::int[])
        on conflict (id) do nothing returning id
      )`,
      answer: sql`flow_expect('TM001', (select count(*) from made), ${made.length}::int)`,
    });
  }
  return clauses;
}

/** Queue rows of flows that are held by no worker any more, or begin or end to wait. */
export function holdClauses(held: readonly PlannedHold[], order: Sql): Clause[] {
  if (held.length === 0) return [];
  return [
    {
      letter: "h",
      part: sql`held as (
        update job_queue q set worker = null, suspend = i.suspend, suspend_until = to_timestamp(i.until / 1000.0)
        from unnest(${held.map(({ id }) => id)}::uuid[], ${held.map(({ attempt }) => attempt)}::int[],
          ${held.map(({ suspend }) => suspend)}::int[], ${held.map(({ until }) => until)}::float8[])
          as i (id, attempt, suspend, until)
        where q.id = i.id and q.running and q.canceled_by is null and q.attempt = coalesce(i.attempt, q.attempt)${order}
        returning q.id
      )`,
      answer: sql`flow_expect('TM002', (select count(*) from held), ${held.length}::int)`,
    },
  ];
}

export function historyClauses({ children, events }: Plan): Clause[] {
  return [...childClauses(children), ...eventClauses(events)];
}

function childClauses(children: Plan["children"]): Clause[] {
  if (children.length === 0) return [];
  const rows = children.map(({ flowJob, ...child }) => ({
    ...child,
    flow_job: flowJob,
    iteration: child.iteration ?? -1,
  }));
  return [
    {
      letter: "k",
      part: sql`children as (
        insert into flow_child (flow_job, step, attempt, iteration, job, kind, root, leaf)
        select flow_job, step, attempt, iteration, job, kind, root, leaf
        from json_to_recordset(${JSON.stringify(rows)}::json) as c (flow_job uuid, step text, attempt int, iteration int,
          job uuid, kind text, root uuid, leaf text)
      )`,
    },
  ];
}

function eventClauses(events: Plan["events"]): Clause[] {
  if (events.length === 0) return [];
  const rows = events.map(({ flowJob, ...event }, position) => ({ ...event, flow_job: flowJob, position }));
  return [
    {
      letter: "v",
      part: sql`events as (
        insert into flow_event (flow_job, revision, position, step, iteration, attempt, what, detail)
        select flow_job, revision, position, step, iteration, attempt, what, detail
        from json_to_recordset(${JSON.stringify(rows)}::json) as e (flow_job uuid, revision int, position int, step text,
          iteration int, attempt int, what text, detail json)
      )`,
    },
  ];
}

/** A slot that becomes free takes what is due in the same commit. */
export function claimClauses(claim: Plan["claim"]): Clause[] {
  if (claim === null) return [];
  const { worker, tags, secrets } = claim;
  const part = claimPart({ worker, tags, count: secrets.length }, secrets.map(hashToken));
  return [{ letter: "x", part, answer: sql`${claimedAsJson} as claimed` }];
}
