import { hashToken, insertJobs, jobColumns } from "@towermill/queue";
import { arrayText, sourceOf, sql, type Column, type Source } from "@towermill/store";
import type { PlannedJob } from "./plan.ts";
import type { Clause } from "./write-clauses.ts";

type Ended = Extract<PlannedJob, { state: "done" }>;
type Held = Extract<PlannedJob, { state: "held" }>;
type Claimed = Extract<PlannedJob, { state: "claimed" }>;

const ended = (planned: PlannedJob): Partial<Ended> => (planned.state === "done" ? planned : {});
const held = (planned: PlannedJob): Partial<Held> => (planned.state === "held" ? planned : {});
const claimed = (planned: PlannedJob): Partial<Claimed> => (planned.state === "claimed" ? planned : {});

const columns: readonly Column<PlannedJob>[] = [
  ...jobColumns.map((column) => ({ ...column, of: ({ job }: PlannedJob) => column.of(job) })),
  { name: "state", type: "text", of: ({ state }) => state },
  { name: "scheduled_for", type: "timestamptz", of: (planned) => dueOf(planned)?.toISOString(), optional: "s" },
  { name: "worker", type: "text", of: (planned) => claimed(planned).worker, optional: "w" },
  { name: "token_hash", type: "bytea", of: (planned) => hashOf(claimed(planned).secret), optional: "w" },
  { name: "suspend", type: "int4", of: (planned) => held(planned).suspend || null, optional: "u" },
  { name: "suspend_until", type: "float8", of: (planned) => held(planned).until, optional: "u" },
  { name: "status", type: "text", of: (planned) => ended(planned).status, optional: "d" },
  { name: "result", type: "json", of: (planned) => ended(planned).result, optional: "d" },
  { name: "done_labels", type: "text", of: (planned) => arrayText(ended(planned).labels), optional: "d" },
  { name: "delete_after", type: "int4", of: (planned) => ended(planned).deleteAfterSeconds, optional: "d" },
];

function dueOf(planned: PlannedJob): Date | null | undefined {
  return planned.job.scheduledFor ?? claimed(planned).at;
}

function hashOf(secret: string | undefined): Buffer | null {
  return secret === undefined ? null : hashToken(secret);
}

/** Jobs that are pushed, with their queue rows, or with their results where they are over before they began. */
export function jobClauses(jobs: readonly PlannedJob[], few: boolean): Clause[] {
  if (jobs.length === 0) return [];
  const clauses = [definitions(sourceOf("j", columns, jobs, few))];
  if (jobs.some(({ state }) => state !== "done")) clauses.push(queueing);
  if (jobs.some(({ state }) => state === "done")) clauses.push(finishing);
  return clauses;
}

const pushed = sql`pushed`;

function definitions({ values, text, keep, shape }: Source): Clause {
  return {
    letter: `j${shape}`,
    values,
    text: () => sql`pushed as ${keep} (select * from ${text()}), jobs as (${insertJobs(pushed)})`,
  };
}

const queueing: Clause = {
  letter: "q",
  values: [],
  text: () => sql`queued as (
      insert into job_queue (id, workspace_id, tag, priority, scheduled_for, concurrency_key, running, attempt, worker,
        started_at, token_hash, suspend, suspend_until)
      select id, workspace_id, tag, coalesce(priority, 0),
        case when worker is null then coalesce(scheduled_for, now()) else least(scheduled_for, now()) end, concurrency_key, state <> 'queued',
        case when state = 'queued' then 0 else 1 end, worker, case when state <> 'queued' then now() end,
        token_hash, coalesce(suspend, 0), to_timestamp(suspend_until / 1000.0)
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
