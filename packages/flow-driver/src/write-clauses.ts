import { claimedAsJson, claimPart, completionColumns, hashToken } from "@towermill/queue";
import { sourceOf, sql, type Column, type Piece, type Sql } from "@towermill/store";
import type { Plan, PlannedChild, PlannedEnd, PlannedEvent, PlannedFlow, PlannedHold, PlannedItem } from "./plan.ts";

/** A part of the statement that writes a plan: `name as (…)`. */
export interface Clause extends Piece {
  /** Names it in the statement's name, with the shape of its rows. */
  letter: string;
  answer?: Answer;
}

/** A column of the statement's answer: what was freed, or a check of how many rows were found. */
export interface Answer extends Piece {
  /** What the column reads from. */
  from?: Sql;
}

/** A column that has no values and reads from nothing. */
function fixed(part: Sql): Answer {
  return { values: [], text: () => part };
}

/**
 * Checks how many rows a part found; the statement fails with the code if they are fewer. Counts are read from and not
 * asked for in place: for questions inside of expressions PostgreSQL walks all of a statement each time it is run.
 */
function expectation(code: Sql, part: string, { values, text }: Piece): Answer {
  const found = sql.ident(`${part}_count`);
  return {
    from: sql`(select count(*) as n from ${sql.ident(part)}) as ${found}`,
    values,
    // the function costs something even when it agrees
    text: () => sql`case when ${found}.n <> ${text()} then flow_expect(${code}, 0, 1) end`,
  };
}

const fewCounts = [sql`0`, sql`1`, sql`2`, sql`3`];

/** A number of rows. Of few it is told by the statement's name, so that it need not be a value of it. */
function countOf(count: number, few: boolean): Piece {
  const known = few ? fewCounts[count] : undefined;
  return known ? { values: [], text: () => known } : { values: [count], text: () => sql`${count}::int` };
}

/** A condition of a part, and what it reads from. */
interface Order extends Piece {
  from: Sql;
}

/**
 * A condition that makes queue rows be locked after the flows they belong to, as a cancellation does: else the two could
 * wait for each other.
 */
export function orderAfter(flows: readonly PlannedFlow[], few: boolean): Order {
  const moved = flows.filter(({ from }) => from !== null).length;
  if (moved === 0) return { from: sql.empty, values: [], text: () => sql.empty };
  const { values, text } = countOf(moved, few);
  return {
    from: sql`, (select count(*) as n from moved) before`,
    values,
    text: () => sql` and before.n = ${text()}`,
  };
}

/** Jobs that end leave the queue. Only the attempt that runs may end a job, and only as cancelled if it was cancelled. */
export function endClauses(ends: readonly PlannedEnd[], { order, few }: { order: Order; few: boolean }): Clause[] {
  if (ends.length === 0) return [];
  const source = sourceOf("t", completionColumns, ends, few);
  const main: Clause = {
    letter: `e${source.shape}`,
    values: [...source.values, ...order.values],
    text: () => sql`input as ${source.keep} (select * from ${source.text()}), gone as (
      delete from job_queue q using input i${order.from}
      where q.id = i.id and q.attempt = coalesce(i.attempt, q.attempt) and q.running
        and (q.canceled_by is null or i.status = 'canceled')${order.text()}
      returning q.id, q.workspace_id, q.started_at, q.worker, q.canceled_by, q.canceled_reason, q.concurrency_key
    ), ended as (
      insert into job_done (id, workspace_id, status, started_at, duration_ms, result, canceled_by, canceled_reason, worker,
        mem_peak_kb, runner, start_ms, labels, preprocessed, delete_at)
      select g.id, g.workspace_id, i.status, g.started_at,
        greatest(0, extract(epoch from clock_timestamp() - g.started_at) * 1000)::bigint, i.result, g.canceled_by,
        g.canceled_reason, g.worker, i.mem_peak_kb, i.runner, i.start_ms, coalesce(i.labels::text[], '{}'),
        coalesce(i.preprocessed, false), now() + make_interval(secs => i.delete_after)
      from gone g join input i using (id)
    )`,
    answer: expectation(sql`'TM002'`, "gone", countOf(ends.length, few)),
  };
  return [main, ...logClauses(ends, few), ...(ends.some(({ limited }) => limited) ? [freeing] : [])];
}

const freeing: Clause = {
  letter: "c",
  ...fixed(sql`freed as (
    update concurrency_slot s set ended_at = now() from gone g where s.job_id = g.id and g.concurrency_key is not null
    returning s.key
  )`),
  answer: fixed(sql`(select array_agg(key) from freed) as freed`),
};

const logColumns: readonly Column<{ id: string; position: number; text: string }>[] = [
  { name: "id", type: "uuid", of: ({ id }) => id },
  { name: "position", type: "int4", of: ({ position }) => position },
  { name: "text", type: "text", of: ({ text }) => text },
];

function logClauses(ends: readonly PlannedEnd[], few: boolean): Clause[] {
  const logs = ends.flatMap(({ id, lastLog }) => (lastLog ? [{ id, ...lastLog }] : []));
  if (logs.length === 0) return [];
  const source = sourceOf("i", logColumns, logs, few);
  return [
    {
      letter: `l${source.shape}`,
      values: source.values,
      text: () => sql`logged as (
        insert into job_log (job_id, position, text)
        select g.id, i.position, i.text from gone g join ${source.text()} using (id)
        on conflict (job_id, position) do nothing
      )`,
    },
  ];
}

const flowColumns: readonly Column<PlannedFlow>[] = [
  { name: "id", type: "uuid", of: ({ id }) => id },
  { name: "status", type: "json", of: ({ status }) => status },
  { name: "was", type: "int4", of: ({ from }) => from },
  { name: "revision", type: "int4", of: ({ to }) => to },
];

/** Statuses, each only if its revision is the one that was seen. */
export function flowClauses(flows: readonly PlannedFlow[], few: boolean): Clause[] {
  const moved = flows.filter(({ from }) => from !== null).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const made = flows.filter(({ from }) => from === null);
  const clauses: Clause[] = [];
  if (moved.length > 0) {
    const source = sourceOf("i", flowColumns, moved, few);
    clauses.push({
      letter: `u${source.shape}`,
      values: source.values,
      text: () => sql`moved as (
        update job_flow f set status = i.status, revision = i.revision from ${source.text()}
        where f.id = i.id and f.revision = i.was returning f.id
      )`,
      answer: expectation(sql`'TM001'`, "moved", countOf(moved.length, few)),
    });
  }
  if (made.length > 0) {
    const source = sourceOf("i", flowColumns, made, few);
    clauses.push({
      letter: `n${source.shape}`,
      values: source.values,
      text: () => sql`made as (
        insert into job_flow (id, status, revision) select i.id, i.status, i.revision from ${source.text()}
        on conflict (id) do nothing returning id
      )`,
      answer: expectation(sql`'TM001'`, "made", countOf(made.length, few)),
    });
  }
  return clauses;
}

const holdColumns: readonly Column<PlannedHold>[] = [
  { name: "id", type: "uuid", of: ({ id }) => id },
  { name: "attempt", type: "int4", of: ({ attempt }) => attempt },
  { name: "suspend", type: "int4", of: ({ suspend }) => suspend },
  { name: "until", type: "float8", of: ({ until }) => until },
];

/** Queue rows of flows that are held by no worker any more, or begin or end to wait. */
export function holdClauses(held: readonly PlannedHold[], { order, few }: { order: Order; few: boolean }): Clause[] {
  if (held.length === 0) return [];
  const source = sourceOf("i", holdColumns, held, few);
  return [
    {
      letter: `h${source.shape}`,
      values: [...source.values, ...order.values],
      text: () => sql`held as (
        update job_queue q set worker = null, suspend = i.suspend, suspend_until = to_timestamp(i.until / 1000.0)
        from ${source.text()}${order.from}
        where q.id = i.id and q.running and q.canceled_by is null and q.attempt = coalesce(i.attempt, q.attempt)${order.text()}
        returning q.id
      )`,
      answer: expectation(sql`'TM002'`, "held", countOf(held.length, few)),
    },
  ];
}

const childColumns: readonly Column<PlannedChild>[] = [
  { name: "flow_job", type: "uuid", of: ({ flowJob }) => flowJob },
  { name: "step", type: "text", of: ({ step }) => step },
  { name: "attempt", type: "int4", of: ({ attempt }) => attempt },
  { name: "iteration", type: "int4", of: ({ iteration }) => iteration ?? -1 },
  { name: "job", type: "uuid", of: ({ job }) => job },
  { name: "kind", type: "text", of: ({ kind }) => kind },
  { name: "root", type: "uuid", of: ({ root }) => root },
  { name: "leaf", type: "text", of: ({ leaf }) => leaf },
];

/** What happened in one transition of a flow. */
interface History {
  flowJob: string;
  revision: number;
  /** JSON text. */
  events: string;
}

const historyColumns: readonly Column<History>[] = [
  { name: "flow_job", type: "uuid", of: ({ flowJob }) => flowJob },
  { name: "revision", type: "int4", of: ({ revision }) => revision },
  { name: "events", type: "json", of: ({ events }) => events },
];

function historiesOf(events: readonly PlannedEvent[]): History[] {
  const histories = new Map<string, History>();
  for (const { flowJob, revision, what, step, iteration, attempt, detail } of events) {
    const key = `${flowJob} ${revision}`;
    const text = JSON.stringify({
      what,
      step: step ?? undefined,
      iteration: iteration ?? undefined,
      attempt: attempt ?? undefined,
      detail: detail ?? undefined,
    });
    const history = histories.get(key);
    if (history) history.events = `${history.events.slice(0, -1)},${text}]`;
    else histories.set(key, { flowJob, revision, events: `[${text}]` });
  }
  return [...histories.values()];
}

/** Children that were pushed, and what happened. */
export function historyClauses({ children, events }: Plan, few: boolean): Clause[] {
  const clauses: Clause[] = [];
  if (children.length > 0) {
    const source = sourceOf("c", childColumns, children, few);
    clauses.push({
      letter: `k${source.shape}`,
      values: source.values,
      text: () => sql`children as (
        insert into flow_child (flow_job, step, attempt, iteration, job, kind, root, leaf) select * from ${source.text()}
      )`,
    });
  }
  if (events.length > 0) {
    const source = sourceOf("e", historyColumns, historiesOf(events), few);
    clauses.push({
      letter: `v${source.shape}`,
      values: source.values,
      text: () => sql`events as (
        insert into flow_event (flow_job, revision, events) select * from ${source.text()}
      )`,
    });
  }
  return clauses;
}

/** The items of loops that begin. */
export function itemClauses(items: readonly PlannedItem[]): Clause[] {
  return items.map(({ flowJob, step, attempt, values }, n) => ({
    letter: "i",
    values: [flowJob, step, attempt, values],
    text: () => sql`${sql.ident(`items${n}`)} as (
      insert into flow_item (flow_job, step, attempt, index, value)
      select ${flowJob}::uuid, ${step}::text, ${attempt}::int, position - 1, value::json
      from unnest(${values}::text[]) with ordinality as t (value, position)
    )`,
  }));
}

/** A slot that becomes free takes what is due in the same commit. */
export function claimClauses(claim: Plan["claim"]): Clause[] {
  if (claim === null) return [];
  const { worker, tags, secrets } = claim;
  const part = claimPart({ worker, tags, count: secrets.length }, secrets.map(hashToken));
  return [{ letter: "x", values: part.values, text: () => part, answer: fixed(sql`${claimedAsJson} as claimed`) }];
}
