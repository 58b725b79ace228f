import { createDispatcher, createPartitions, firstIdAt, newJobId } from "@towermill/queue";
import { createUnattended } from "@towermill/runnable";
import { openBus, silentLog, sql } from "@towermill/store";
import { testDatabase } from "@towermill/testkit";
import { afterAll, beforeEach, expect, test } from "vitest";
import type { Duty, DutyContext } from "./duty.ts";
import { startDuties } from "./leader.ts";
import { rescue } from "./rescue.ts";
import { retention } from "./retention.ts";
import { sweep } from "./sweep.ts";
import { wipe } from "./wipe.ts";

const { db, url } = await testDatabase();
const bus = await openBus({ url });
afterAll(() => bus.close());
const dispatcher = createDispatcher({ db, bus });
let now = new Date();
const ctx: DutyContext = {
  db,
  bus,
  dispatcher,
  log: silentLog,
  unattended: createUnattended({ db, bus }),
  now: () => now,
  retentionDays: 30,
  flowDriver: {
    endedElsewhere: async () => undefined,
    timeOut: async () => undefined,
    reconcile: async () => 0,
  },
};

beforeEach(async () => {
  now = new Date();
  await db.execute(sql`truncate job, job_queue, job_done, job_log, job_live, worker, lease`);
});

async function addJob({
  id = newJobId(),
  endedDaysAgo,
  running,
}: {
  id?: string;
  endedDaysAgo?: number;
  running?: { worker: string; restarts: number };
}): Promise<string> {
  await db.execute(sql`insert into job (id, workspace_id, kind, created_by, permissioned_as, email, identity, tag, args)
    values (${id}, 'admins', 'script', 'alice', 'u/alice', 'a@b.c', '{}', 'bun', '{"n":1}')`);
  if (running)
    await db.execute(sql`insert into job_queue (id, workspace_id, tag, scheduled_for, running, attempt, worker, restarts, started_at)
      values (${id}, 'admins', 'bun', now(), true, 1, ${running.worker}, ${running.restarts}, now())`);
  if (endedDaysAgo !== undefined)
    await db.execute(sql`insert into job_done (id, workspace_id, status, completed_at, duration_ms, result)
      values (${id}, 'admins', 'success', now() - make_interval(days => ${endedDaysAgo}), 1, '{"secret":1}')`);
  return id;
}

test("rescue restarts the jobs of lost workers, says so in their logs, and wakes whoever waits for one it gives up", async () => {
  const restarted = await addJob({ running: { worker: "wk-gone", restarts: 0 } });
  const givenUp = await addJob({ running: { worker: "wk-gone", restarts: 3 } });
  const waiting = dispatcher.waitFor(givenUp, { timeoutMs: 5000 });
  await rescue.run(ctx);
  expect((await waiting)?.status).toBe("failure");
  const rows = await db.query<{ job_id: string; text: string }>(sql`select job_id, text from job_log order by job_id`);
  expect(rows.find((row) => row.job_id === restarted)?.text).toMatch(
    /Restarted: worker wk-gone stopped answering .*\(1\/3\)/,
  );
  expect(rows.find((row) => row.job_id === givenUp)?.text).toMatch(/not restarted again/);
});

test("retention deletes what ended too long ago, whole weeks at once, and nothing else", async () => {
  await createPartitions(db, now);
  const chosen = await addJob({ id: "00000000-0000-4000-8000-000000000001", endedDaysAgo: 31 });
  const recent = await addJob({ endedDaysAgo: 1 });
  await retention.run(ctx);
  expect(await db.query(sql`select id from job order by id`)).toEqual([{ id: recent }]);
  expect(await db.query(sql`select from job where id = ${chosen}`)).toEqual([]);
  now = new Date(now.getTime() + 60 * 86_400_000);
  await retention.run(ctx);
  expect(await db.query(sql`select from job where id >= ${firstIdAt(new Date(0))}`)).toEqual([]);
});

test("wipe empties arguments, result and log when their time has come", async () => {
  const due = await addJob({ endedDaysAgo: 0 });
  const later = await addJob({ endedDaysAgo: 0 });
  await db.execute(sql`update job_done set delete_at = now() - interval '1 second' where id = ${due}`);
  await db.execute(sql`update job_done set delete_at = now() + interval '1 hour' where id = ${later}`);
  await db.execute(sql`insert into job_log values (${due}, 0, 'said'), (${later}, 0, 'said')`);
  await wipe.run(ctx);
  const rows =
    await db.query(sql`select d.id, d.result, d.deleted, j.args, (select text from job_log l where l.job_id = d.id) as log
    from job_done d join job j using (id) order by d.id`);
  expect(rows).toEqual([
    { id: due, result: "{}", deleted: true, args: "{}", log: null },
    { id: later, result: '{"secret":1}', deleted: false, args: '{"n":1}', log: "said" },
  ]);
});

test("sweep removes what has run out and keeps what has not", async () => {
  await db.execute(sql`insert into account (email) values ('a@b.c')`);
  await db.execute(sql`insert into token (hash, prefix, email, expiration) values
    ('\\x01', 'old', 'a@b.c', now() - interval '8 days'), ('\\x02', 'new', 'a@b.c', now() + interval '1 day'), ('\\x03', 'ever', 'a@b.c', null)`);
  await db.execute(sql`insert into result_cache (key, workspace_id, result, expires_at) values
    ('\\x01', 'admins', '1', now() - interval '1 second'), ('\\x02', 'admins', '1', now() + interval '1 hour')`);
  await sweep.run(ctx);
  expect(await db.query(sql`select prefix from token order by prefix`)).toEqual([
    { prefix: "ever" },
    { prefix: "new" },
  ]);
  expect(await db.query(sql`select from result_cache`)).toHaveLength(1);
});

test("of many processes one leads, and another takes over when it stops", async () => {
  const runs: string[] = [];
  const duty = (holder: string): Duty => ({ name: "count", everyMs: 1, run: async () => void runs.push(holder) });
  const start = (holder: string) => startDuties({ ...ctx, holder, duties: [duty(holder)] });
  const first = start("first");
  const until = async (holder: string) => {
    while (!runs.includes(holder)) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await until("first");
  const second = start("second");
  await first.stop();
  expect(runs).not.toContain("second");
  await until("second");
  await second.stop();
  expect(await db.query(sql`select from lease where until > now()`)).toEqual([]);
});

test("a duty that fails does not stop the others and runs again", async () => {
  let failures = 0;
  let runs = 0;
  const failing: Duty = {
    name: "failing",
    everyMs: 1,
    run: () => Promise.reject(new Error(`failure ${(failures += 1)}`)),
  };
  const fine: Duty = { name: "fine", everyMs: 1, run: async () => void (runs += 1) };
  const duties = startDuties({ ...ctx, holder: "x", duties: [failing, fine] });
  while (failures < 2 || runs < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  await duties.stop();
});
