import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sql, type Database } from "@towermill/store";
import { startProcess, testDatabase, type TestProcess } from "@towermill/testkit";
import { describe, expect, test, vi } from "vitest";
import { root, startInstance } from "./support/instance.ts";
import { cliOf } from "./support/wmill.ts";

/** How many are due at once. */
const count = Number(process.env["TOWERMILL_TEST_SCHEDULES"] ?? 2000);

/** What each server does beside serving, alone in a process. */
const program = `
  import { startTicker } from "@towermill/duties";
  import { createDispatcher } from "@towermill/queue";
  import { openBus, openPool, silentLog } from "@towermill/store";
  const url = process.env.DATABASE_URL;
  const db = openPool({ url, max: 8, applicationName: "ticker" });
  const bus = await openBus({ url });
  startTicker({ db, bus, dispatcher: createDispatcher({ db, bus }), log: silentLog });
  console.log("ticking");`;

async function startTickers(url: string): Promise<TestProcess[]> {
  const command = [process.execPath, "--input-type=module", "-e", program] as const;
  const started = await Promise.all(
    [1, 2, 3].map(() => startProcess({ command, cwd: root, env: { DATABASE_URL: url } })),
  );
  for (const one of started) await one.until(/ticking/);
  return started;
}

async function addSchedules(db: Database): Promise<void> {
  await db.execute(sql`insert into account (email) values ('ann@example.com')`);
  await db.execute(sql`insert into member (workspace_id, username, email) values ('admins', 'ann', 'ann@example.com')`);
  await db.execute(sql`insert into script (workspace_id, hash, path, content, language, lock, created_by)
    values ('admins', '1', 'u/ann/work', 'export function main() {}', 'bun', '', 'ann')`);
  await db.execute(sql`
    insert into schedule (workspace_id, path, schedule, timezone, cron_version, enabled, script_path, permissioned_as, email, edited_by,
      next_run_at, wake_at)
    select 'admins', 'u/ann/s' || n, '0 0 0 29 2 *', 'UTC', 'v2', true, 'u/ann/work', 'u/ann', 'ann@example.com', 'ann', due.at, due.at
    from generate_series(1, ${count}) n, (select date_trunc('second', clock_timestamp()) + interval '4 seconds' as at) due`);
}

test("schedules that are due at one moment run once each, though one of three processes is killed in the middle", async () => {
  const { db, url } = await testDatabase();
  await addSchedules(db);
  const tickers = await startTickers(url);
  const pushed = async (): Promise<number> => (await db.one<{ n: number }>(sql`select count(*)::int as n from job`)).n;
  await vi.waitFor(async () => expect(await pushed()).toBeGreaterThan(count / 10), { timeout: 30_000, interval: 5 });
  tickers[0]?.signal("SIGKILL");
  await vi.waitFor(async () => expect(await pushed()).toBeGreaterThanOrEqual(count), { timeout: 60_000, interval: 50 });
  const found = await db.one(sql`select count(*)::int as jobs, count(distinct trigger_path)::int as schedules,
    (select count(*)::int from schedule_tick) as ticks, (select count(*)::int from job_queue) as queued from job`);
  expect(found).toEqual({ jobs: count, schedules: count, ticks: count, queued: count });
  for (const one of tickers) one.signal("SIGKILL");
  await Promise.all(tickers.map((one) => one.ended));
});

describe("an instance", async () => {
  const instance = await startInstance();
  const cli = await cliOf(instance, "clockwork");
  const deploy = (path: string): Promise<string> =>
    instance.text("POST", "/w/clockwork/scripts/create", {
      body: { path, summary: "", description: "", content: "echo done", language: "bash", schema: {} },
    });
  await deploy("u/admin/work");

  function write(text: string): string {
    const name = "u/admin/nightly.schedule.yaml";
    mkdirSync(join(cli.folder, "u/admin"), { recursive: true });
    writeFileSync(join(cli.folder, name), text);
    return name;
  }
  const yaml = (extra = ""): string =>
    `schedule: 0 0 3 * * *\ntimezone: Europe/Paris\nenabled: true\nscript_path: u/admin/work\nis_flow: false\nargs:\n  deep:\n    b: 1\n    a: 2\n${extra}`;

  test("pushes, lists and reads schedules; pushing again changes nothing", async () => {
    const file = write(yaml("on_failure: script/u/admin/work\nretry:\n  constant:\n    attempts: 2\n    seconds: 5\n"));
    expect(await cli.ok("schedule", "push", file, "u/admin/nightly")).toContain("Creating new schedule");
    expect(await cli.ok("schedule", "list")).toContain("u/admin/nightly");
    const before = await cli.json<Record<string, unknown>>("schedule", "get", "u/admin/nightly");
    expect(before).toMatchObject({
      enabled: true,
      cron_version: "v2",
      args: { deep: { b: 1, a: 2 } },
      on_failure: "script/u/admin/work",
    });
    await cli.ok("schedule", "push", file, "u/admin/nightly");
    expect(await cli.json("schedule", "get", "u/admin/nightly")).toEqual(before);
  });

  test("changes, enables and disables them", async () => {
    const file = write(yaml("summary: changed\n").replace("enabled: true", "enabled: false"));
    await cli.ok("schedule", "push", file, "u/admin/nightly");
    expect(await cli.json("schedule", "get", "u/admin/nightly")).toMatchObject({ summary: "changed", enabled: false });
    await cli.ok("schedule", "enable", "u/admin/nightly");
    expect(await cli.json("schedule", "get", "u/admin/nightly")).toMatchObject({ enabled: true });
    await cli.ok("schedule", "disable", "u/admin/nightly");
    expect(await cli.json("schedule", "get", "u/admin/nightly")).toMatchObject({ enabled: false });
  });

  interface Tick {
    state: string;
    job_id: string;
  }

  test("runs what is due, scripts and flows, and tells their handlers", async () => {
    await deploy("u/admin/told");
    const value = { modules: [{ id: "a", value: { type: "script", path: "u/admin/work", input_transforms: {} } }] };
    await instance.text("POST", "/w/clockwork/flows/create", {
      body: { path: "u/admin/flow", summary: "", value, schema: {} },
    });
    for (const [script_path, is_flow] of [
      ["u/admin/work", false],
      ["u/admin/flow", true],
    ] as const) {
      const path = `${script_path}_each_second`;
      const timetable = { schedule: "* * * * * *", timezone: "UTC", on_success: "script/u/admin/told" };
      await instance.text("POST", "/w/clockwork/schedules/create", {
        body: {
          path,
          ...timetable,
          script_path,
          is_flow,
          args: {},
          enabled: true,
          on_success_extra_args: { from: path },
        },
      });
      const successes = async (): Promise<Tick[]> =>
        (await instance.json<Tick[]>("GET", `/w/clockwork/schedules/ticks/${path}`)).filter(
          (tick) => tick.state === "success",
        );
      await vi.waitFor(async () => expect((await successes()).length).toBeGreaterThanOrEqual(2), {
        timeout: 25_000,
        interval: 200,
      });
      await instance.text("POST", `/w/clockwork/schedules/setenabled/${path}`, { body: { enabled: false } });
      const [run] = await successes();
      const job = await instance.json<Record<string, unknown>>("GET", `/w/clockwork/jobs_u/get/${run?.job_id}`);
      expect(job).toMatchObject({ success: true, schedule_path: path, script_path, trigger_kind: "schedule" });
    }
    const told = await instance.json<unknown[]>(
      "GET",
      "/w/clockwork/jobs/list?script_path_exact=u/admin/told&job_kinds=script",
    );
    expect(told.length).toBeGreaterThanOrEqual(4);
    expect(told[0]).toMatchObject({ permissioned_as: "g/error_handler", created_by: "schedule_success_handler" });
  });
});
