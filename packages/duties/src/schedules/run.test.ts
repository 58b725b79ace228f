import { sql } from "@towermill/store";
import { afterEach, describe, expect, test } from "vitest";
import { addSchedule, addScript, minutely, schedulesWorld } from "../../test/schedules-world.ts";

const world = await schedulesWorld();
const { db, fire, settle, claim, end, ticks, row, jobs, dueAgain } = world;
const error = (message: string): string => JSON.stringify({ error: { name: "Error", message } });
const path = "u/alice/s";
const states = async (): Promise<string[]> => (await ticks(path)).map((tick) => tick.state);

for (const name of ["f", "r", "s", "ask"]) await addScript(db, `u/alice/${name}`);
afterEach(() => world.clear());

/** Runs what is queued and settles it. */
async function runAll(
  status: "success" | "failure" | "canceled" = "success",
  result = status === "success" ? "1" : error("no"),
) {
  const claimed = await claim();
  for (const job of claimed) await end(job, { status, result });
  await settle();
  return claimed;
}

describe("a schedule that is due", () => {
  test("starts its script as whoever it runs as, and moves on", async () => {
    await addSchedule(db, { path, args: '{"z":1.0,"a":12345678901234567890}', options: { tag: "gpu", timeout: 9 } });
    await fire();
    const [job] = await jobs();
    expect(job).toMatchObject({
      kind: "script",
      script_path: "u/alice/work",
      created_by: "schedule-u-alice-s",
      permissioned_as: "u/alice",
      email: "alice@example.com",
      trigger_kind: "schedule",
      trigger_path: path,
      tag: "gpu",
      timeout_s: 9,
      args: '{"z":1.0,"a":12345678901234567890}',
    });
    const { next_run_at, wake_at, enabled } = await row(path);
    expect(enabled).toBe(true);
    expect(next_run_at).toEqual(wake_at);
    expect((next_run_at as Date).getUTCSeconds()).toBe(0);
    expect((next_run_at as Date).getTime()).toBeGreaterThan(Number(job?.["scheduled_for"]));
    expect(await fire()).toEqual([]);
    await runAll();
    expect(await ticks(path)).toEqual([
      { state: "success", due: job?.["scheduled_for"], job_id: job?.["id"], failures: 0, times: 1, note: null },
    ]);
  });

  test("never runs one moment twice, even when it is told to", async () => {
    await addSchedule(db, { path, options: { overlap: "allow" } });
    await fire();
    const [first] = await ticks(path);
    await db.execute(sql`update schedule set next_run_at = ${first?.due}, wake_at = now()`);
    await fire();
    expect(await jobs()).toHaveLength(1);
  });

  test("that is disabled or not due does nothing", async () => {
    await addSchedule(db, { path });
    await addSchedule(db, { path: "u/alice/later", ago: -60 });
    await db.execute(sql`update schedule set enabled = false where path = ${path}`);
    expect(await fire()).toEqual([]);
  });

  test.each([
    ["its script is missing", { path, script: "u/alice/none" }, "Script not found at name u/alice/none"],
    ["its flow is missing", { path, script: "f/a/none", isFlow: true }, "Flow not found at name f/a/none"],
    ["whom it acts as may not read the script", { path, script: "u/bob/work" }, "Script not found at name u/bob/work"],
    [
      "whom it acts as is gone",
      { path, email: "bob@example.com", permissionedAs: "u/bob" },
      "u/bob (bob@example.com) is no member of w any more",
    ],
    ["its cron cannot be read", { path, schedule: "nonsense" }, 'The cron expression "nonsense" has 1 fields'],
    [
      "its skip script is missing",
      { path, options: { dynamic_skip: "u/alice/none" } },
      "dynamic_skip: Script not found at name u/alice/none",
    ],
  ])("is disabled with the reason when %s", async (_, schedule, reason) => {
    await db.execute(sql`insert into script (workspace_id, hash, path, content, language, lock, created_by)
      values ('w', 'bobs', 'u/bob/work', '', 'bun', '', 'bob') on conflict do nothing`);
    await addSchedule(db, schedule);
    await fire();
    const found = await row(path);
    expect(found).toMatchObject({ enabled: false });
    expect(found["error"]).toContain(reason);
    expect(await jobs()).toEqual([]);
    expect(await ticks(path)).toEqual([]);
  });

  test("and has no next moment gets one: it was restored, or never planned", async () => {
    await addSchedule(db, { path, schedule: minutely });
    await addSchedule(db, { path: "u/alice/paused", schedule: minutely });
    await db.execute(sql`update schedule set next_run_at = null, wake_at = default`);
    await db.execute(sql`update schedule set paused_until = '2199-01-01T00:00:30Z' where path = 'u/alice/paused'`);
    await fire();
    expect((await row(path))["next_run_at"]).toSatisfy((next: Date) => next.getTime() > Date.now() - 1000);
    expect((await row("u/alice/paused"))["next_run_at"]).toEqual(new Date("2199-01-01T00:01:00Z"));
    expect(await jobs()).toEqual([]);
  });

  test("in an archived workspace waits for its next moment, and stays enabled", async () => {
    await addSchedule(db, { path, schedule: minutely });
    await db.execute(sql`update workspace set deleted = true where id = 'w'`);
    await fire();
    await db.execute(sql`update workspace set deleted = false where id = 'w'`);
    expect(await jobs()).toEqual([]);
    expect(await row(path)).toMatchObject({ enabled: true, error: null });
    expect(await fire()).toEqual([]);
  });

  test("and never again after this runs and sleeps for ever", async () => {
    await addSchedule(db, { path, schedule: "0 0 0 30 2 *" });
    await fire();
    expect(await jobs()).toHaveLength(1);
    expect(await row(path)).toMatchObject({ enabled: true, next_run_at: null, wake_at: Infinity });
    expect(await fire()).toEqual([]);
  });

  test("whose database refuses is left alone for a while, and the others run", async () => {
    await addSchedule(db, { path, ago: 2 });
    await addSchedule(db, { path: "u/alice/fine" });
    await db.execute(sql`alter table job add constraint refused check (trigger_path <> 'u/alice/s') not valid`);
    await fire();
    expect(await row(path)).toMatchObject({ enabled: true });
    expect((await row(path))["wake_at"]).not.toEqual((await row(path))["next_run_at"]);
    expect((await jobs()).map((job) => job["trigger_path"])).toEqual(["u/alice/fine"]);
    await db.execute(sql`alter table job drop constraint refused`);
  });
});

describe("while an earlier run goes on", () => {
  const twice = async (fields: Parameters<typeof addSchedule>[1]): Promise<void> => {
    await addSchedule(db, { ago: 1, ...fields });
    await fire();
    await claim();
    await dueAgain(path);
    await fire();
  };

  test.each([
    ["scripts skip unless told otherwise", {}, ["open", "skipped"], 1],
    ["allow", { overlap: "allow" }, ["open", "open"], 2],
    ["skip", { overlap: "skip" }, ["open", "skipped"], 1],
    ["queue", { overlap: "queue" }, ["open"], 1],
    ["cancel", { overlap: "cancel" }, ["open", "open"], 2],
  ] as const)("%s", async (_, options, expected, count) => {
    await twice({ path, options });
    expect(await states()).toEqual(expected);
    expect(await jobs()).toHaveLength(count);
  });

  test.each([
    [{}, ["open", "open"]],
    [{ no_flow_overlap: true }, ["open", "skipped"]],
    [{ no_flow_overlap: true, overlap: "allow" }, ["open", "open"]],
  ] as const)("runs of a flow overlap unless it says no: %j", async (options, expected) => {
    await twice({ path, script: "u/alice/flow", isFlow: true, options });
    expect(await states()).toEqual(expected);
    expect((await jobs())[0]).toMatchObject({
      kind: "flow",
      permissioned_as: "u/alice",
      trigger_path: path,
      created_by: "schedule-u-alice-s",
    });
  });

  test("one that queues runs when the earlier one ends, as many as were due", async () => {
    await twice({ path, schedule: "* * * * * *", options: { overlap: "queue", catch_up: "none" } });
    expect(await row(path)).toMatchObject({ waited: true });
    const [running] = await jobs();
    await end({ id: String(running?.["id"]), attempt: 1 });
    await settle();
    await fire();
    expect((await states()).slice(0, 2)).toEqual(["success", "open"]);
  });

  test("one that cancels stops the earlier one, which calls no handler", async () => {
    await twice({
      path,
      options: { overlap: "cancel", on_failure: "script/u/alice/f", retry: { constant: { attempts: 3, seconds: 0 } } },
    });
    const [earlier] = await jobs();
    expect(await db.one(sql`select canceled_by, canceled_reason from job_queue where id = ${earlier?.["id"]}`)).toEqual(
      {
        canceled_by: "schedule-u-alice-s",
        canceled_reason: "the next run of the schedule is due",
      },
    );
    await end({ id: String(earlier?.["id"]), attempt: 1 });
    await settle();
    expect(await states()).toEqual(["canceled", "open"]);
    expect(await jobs()).toHaveLength(2);
  });
});

describe("after the servers were away", () => {
  test.each([
    ["none", ["missed"]],
    ["last", ["missed", "open"]],
  ] as const)("with %s", async (catch_up, expected) => {
    await addSchedule(db, { path, schedule: minutely, ago: 600, options: { catch_up, overlap: "allow" } });
    await fire();
    expect(await states()).toEqual(expected);
    expect((await ticks(path))[0]?.times).toBeGreaterThanOrEqual(9);
    expect((await row(path))["next_run_at"]).toSatisfy((next: Date) => next.getTime() > Date.now() - 1000);
  });

  test("with all, each missed moment runs", async () => {
    await addSchedule(db, { path, schedule: minutely, ago: 300, options: { catch_up: "all", overlap: "allow" } });
    await fire();
    const found = await ticks(path);
    expect(found.length).toBeGreaterThanOrEqual(5);
    expect(new Set(found.map((tick) => tick.state))).toEqual(new Set(["open"]));
    expect(await jobs()).toHaveLength(found.length);
  });
});
