import { notFound } from "@towermill/contract";
import { claimJobs, completeJobs, createDispatcher, type ClaimedJob, type Completion } from "@towermill/queue";
import { baseJob, createUnattended, type Flows, type RunnableFlow } from "@towermill/runnable";
import { openBus, silentLog, sql, type Database } from "@towermill/store";
import { testDatabase, whenDone } from "@towermill/testkit";
import type { Consequences, TickerContext } from "../src/schedules/context.ts";
import { fireNext } from "../src/schedules/fire.ts";
import type { ScheduleOptions } from "../src/schedules/schedule.ts";
import { settleNext } from "../src/schedules/settle.ts";

/** Due when the test says so, and not by itself. */
const rarely = "0 0 0 29 2 *";
export const minutely = "0 * * * * *";

export interface NewSchedule {
  path: string;
  script?: string;
  isFlow?: boolean;
  schedule?: string;
  timezone?: string;
  args?: string;
  options?: ScheduleOptions;
  permissionedAs?: string;
  email?: string;
  /** How long ago it was due, in seconds. */
  ago?: number;
}

export async function addSchedule(db: Database, given: NewSchedule): Promise<void> {
  const {
    path,
    script = "u/alice/work",
    isFlow = false,
    schedule = rarely,
    timezone = "UTC",
    args = "{}",
    options = {},
  } = given;
  const due = sql`date_trunc('second', now()) - make_interval(secs => ${given.ago ?? 0})`;
  await db.execute(sql`
    insert into schedule (workspace_id, path, schedule, timezone, cron_version, enabled, script_path, is_flow, args, options,
      permissioned_as, email, edited_by, next_run_at, wake_at)
    values ('w', ${path}, ${schedule}, ${timezone}, 'v2', true, ${script}, ${isFlow}, ${args}, ${sql.json(options)},
      ${given.permissionedAs ?? "u/alice"}, ${given.email ?? "alice@example.com"}, 'alice', ${due}, ${due})`);
}

export async function addScript(db: Database, path: string, options: Record<string, unknown> = {}): Promise<void> {
  await db.execute(sql`insert into script (workspace_id, hash, path, content, language, lock, options, created_by)
    values ('w', ${path}, ${path}, 'export function main() {}', 'bun', '', ${sql.json(options)}, 'alice')`);
}

export interface TickRow {
  state: string;
  due: Date;
  job_id: string | null;
  failures: number;
  times: number;
  note: string | null;
}

/** One flow, `u/alice/flow`: what the driver of flows does is not this package's. */
const flows: Flows<RunnableFlow & { path: string }> = {
  async resolve(_, { path }) {
    if (path !== "u/alice/flow") throw notFound("Flow", path);
    return { path, options: {} };
  },
  newJob: ({ flow, args, options }, runner) => ({
    ...baseJob(runner, options),
    kind: "flow",
    path: flow.path,
    tag: "bun",
    args,
  }),
};

type Answer = Omit<Completion, "id" | "attempt">;

/** A workspace `w` of alice (a developer) and a worker of the test; rounds of ticking are made by hand. */
export async function schedulesWorld() {
  const { db, url } = await testDatabase();
  const bus = await openBus({ url });
  whenDone(() => bus.close());
  await db.execute(sql`insert into workspace (id, name, owner) values ('w', 'W', 'alice@example.com')`);
  await db.execute(sql`insert into account (email) values ('alice@example.com')`);
  await db.execute(sql`insert into member (workspace_id, username, email) values ('w', 'alice', 'alice@example.com')`);
  await addScript(db, "u/alice/work", { timeout: 77 });
  const dispatcher = createDispatcher({ db, bus });
  const ctx: TickerContext = {
    db,
    bus,
    dispatcher,
    log: silentLog,
    unattended: createUnattended({ db, bus, flows }),
    answers: new Map(),
  };
  const all = async (next: (ctx: TickerContext) => Promise<Consequences | null>): Promise<Consequences[]> => {
    const found: Consequences[] = [];
    for (let done = await next(ctx); done; done = await next(ctx)) found.push(done);
    return found;
  };
  return {
    db,
    url,
    ctx,
    fire: () => all(fireNext),
    settle: () => all(settleNext),
    claim: (): Promise<ClaimedJob[]> => claimJobs(db, { worker: "test", tags: ["bun", "gpu"], count: 50 }),
    end: (job: Pick<ClaimedJob, "id" | "attempt">, answer: Partial<Answer> = {}) =>
      completeJobs(db, [{ id: job.id, attempt: job.attempt, status: "success", result: "null", ...answer }]),
    ticks: (path: string): Promise<TickRow[]> =>
      db.query<TickRow & object>(sql`select state, due, job_id, failures, times, note from schedule_tick
        where workspace_id = 'w' and path = ${path} order by due`),
    row: (path: string): Promise<Record<string, unknown>> =>
      db.one(sql`select * from schedule where workspace_id = 'w' and path = ${path}`),
    jobs: (): Promise<Record<string, unknown>[]> =>
      db.query(sql`select j.*, q.scheduled_for, q.running, d.status, d.result from job j
        left join job_queue q on q.id = j.id left join job_done d on d.id = j.id order by j.id`),
    /** Makes a schedule due again, some seconds ago. */
    dueAgain: (path: string, ago = 0) =>
      db.execute(sql`update schedule s set next_run_at = greatest(d.at, d.last + interval '1 second'), wake_at = now()
        from (select date_trunc('second', now()) - make_interval(secs => ${ago}) as at,
          (select max(due) from schedule_tick where workspace_id = 'w' and path = ${path}) as last) d
        where s.workspace_id = 'w' and s.path = ${path}`),
    async clear(): Promise<void> {
      for (const table of ["schedule", "job", "job_queue", "job_done"])
        await db.execute(sql`delete from ${sql.ident(table)}`);
    },
  };
}
