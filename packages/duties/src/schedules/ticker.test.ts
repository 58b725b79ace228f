import { createDispatcher } from "@towermill/queue";
import { openBus, openPool, silentLog, sql, type Database } from "@towermill/store";
import { whenDone } from "@towermill/testkit";
import { afterEach, expect, test, vi } from "vitest";
import { forgetHistory } from "./history.ts";
import { addSchedule, schedulesWorld } from "../../test/schedules-world.ts";
import { startTicker, type RunningTicker } from "./ticker.ts";

const world = await schedulesWorld();
const { db, url, ctx, claim, end, ticks, jobs } = world;
const running: RunningTicker[] = [];

/** A ticker with connections of its own, as in a process of its own. */
async function ticker(): Promise<RunningTicker> {
  const own = openPool({ url, max: 5, applicationName: "ticker" });
  const bus = await openBus({ url });
  const started = startTicker({ db: own, bus, dispatcher: createDispatcher({ db: own, bus }), log: silentLog });
  running.push(started);
  whenDone(async () => {
    await started.stop();
    await bus.close();
    await own.close();
  });
  return started;
}

afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
  await world.clear();
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  await vi.waitFor(async () => expect(await condition()).toBe(true), { timeout: 20_000, interval: 20 });
}

test("200 schedules that are due in one second run once each over three tickers, one of them stopped in the middle", async () => {
  const count = 200;
  for (let n = 0; n < count; n += 1) await addSchedule(db, { path: `u/alice/s${n}`, schedule: "0 0 0 1 1 *", ago: -1 });
  const tickers = await Promise.all([ticker(), ticker(), ticker()]);
  await until(async () => (await jobs()).length > count / 10);
  await tickers[0]?.stop();
  const [due] = await db.query<{ due: Date }>(sql`select distinct due from schedule_tick`);
  await until(async () => (await jobs()).length >= count);
  const found = await jobs();
  expect(new Set(found.map((job) => job["trigger_path"])).size).toBe(count);
  expect(found).toHaveLength(count);
  const { late } = await db.one<{ late: number }>(
    sql`select max(extract(epoch from created_at - ${due?.due}))::float8 as late from job`,
  );
  expect(late).toBeLessThan(10);
});

test("connections that break in the middle neither lose a moment nor run one twice", async () => {
  const count = 120;
  for (let n = 0; n < count; n += 1) await addSchedule(db, { path: `u/alice/s${n}` });
  const started = await Promise.all([ticker(), ticker()]);
  for (let round = 0; round < 4; round += 1) {
    await until(async () => (await jobs()).length >= Math.min(count, (round + 1) * 15));
    await db.query(
      sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'ticker'`,
    );
  }
  await until(async () => (await jobs()).length >= count);
  for (const one of started) await one.stop();
  expect(new Set((await jobs()).map((job) => job["trigger_path"])).size).toBe(count);
  expect(await jobs()).toHaveLength(count);
});

test("a schedule fires within a second of its moment, though nobody told the ticker of it", async () => {
  await addSchedule(db, { path: "u/alice/soon", schedule: "0 0 0 1 1 *", ago: -2 });
  await ticker();
  await until(async () => (await jobs()).length === 1);
  const { late } = await db.one<{ late: number }>(sql`select extract(epoch from j.created_at - t.due)::float8 as late
    from job j join schedule_tick t on t.job_id = j.id`);
  expect(late).toBeGreaterThanOrEqual(0);
  expect(late).toBeLessThan(1);
});

test("an edited schedule is looked at when the bus says so, and an end settles when it is told", async () => {
  await ticker();
  await until(async () => (await db.query(sql`select 1`)).length === 1);
  await addSchedule(db, { path: "u/alice/new", schedule: "0 0 0 1 1 *" });
  ctx.bus.publish("changed", ["schedule:w:u/alice/new"]);
  await until(async () => (await jobs()).length === 1);
  const [job] = await claim();
  if (job) ctx.dispatcher.ended(await end(job));
  await until(async () => (await ticks("u/alice/new"))[0]?.state === "success");
});

test("an old history is forgotten, the newest part stays", async () => {
  await addSchedule(db, { path: "u/alice/old", ago: -3600 });
  await db.execute(sql`
    insert into schedule_tick (workspace_id, path, due, state, settled_at)
    select 'w', 'u/alice/old', date_trunc('second', now()) - make_interval(days => 10, mins => n), 'success', now() - interval '10 days' from generate_series(1, 1200) n`);
  await forgetHistory(db);
  expect(await ticks("u/alice/old")).toHaveLength(1000);
});

test("where no schedule is, the ticker sleeps", async () => {
  let looks = 0;
  const one: Database["one"] = (statement) => ((looks += 1), db.one(statement));
  const { bus, dispatcher } = ctx;
  const own = {
    one,
    query: db.query.bind(db),
    maybe: db.maybe.bind(db),
    execute: db.execute.bind(db),
    transaction: db.transaction.bind(db),
    usage: db.usage.bind(db),
    close: db.close.bind(db),
  } as Database;
  const started = startTicker({ db: own, bus, dispatcher, log: silentLog });
  running.push(started);
  while (looks === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(looks).toBe(1);
});
