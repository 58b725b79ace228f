import { sql } from "@towermill/store";
import { afterEach, describe, expect, test } from "vitest";
import type { Sent } from "../../test/jobs-world.ts";
import { base, schedulesWorld } from "../../test/schedules-world.ts";

const world = await schedulesWorld();
const { db, bus, said, json, create, get, rowOf } = world;
afterEach(() => world.clear());

describe("changing a schedule", () => {
  test("replaces what it says, and keeps what it runs and whether it is enabled", async () => {
    await create({ enabled: true, on_failure: "script/f/shared/b", tag: "gpu", summary: "old" });
    const { schedule, timezone } = base;
    expect(
      await said(`update/${base.path}`, {
        body: { schedule, timezone, args: { a: 1 }, no_flow_overlap: true, script_path: "f/shared/b" },
      }),
    ).toEqual([200, base.path]);
    const found = await get();
    expect(found).toMatchObject({ args: { a: 1 }, no_flow_overlap: true, enabled: true, script_path: "u/alice/a" });
    for (const absent of ["on_failure", "tag", "summary"]) expect(found).not.toHaveProperty(absent);
  });

  test("does not lose a moment that is due, unless its times change", async () => {
    await create({ enabled: true });
    await db.execute(sql`update schedule set next_run_at = '2020-01-01', wake_at = '2020-01-01'`);
    const { schedule, timezone } = base;
    await said(`update/${base.path}`, { body: { schedule, timezone, args: { b: 1 } } });
    expect((await rowOf()).next_run_at.getUTCFullYear()).toBe(2020);
    await said(`setenabled/${base.path}`, { body: { enabled: true } });
    expect((await rowOf()).next_run_at.getUTCFullYear()).toBe(2020);
    await said(`update/${base.path}`, { body: { schedule: "0 0 13 * * *", timezone, args: {} } });
    expect((await rowOf()).next_run_at.getTime()).toBeGreaterThan(Date.now());
  });

  test("a pause puts off the next moment", async () => {
    await create({ paused_until: "2199-06-01T12:00:00+02:00", timezone: "UTC" });
    expect((await rowOf()).next_run_at).toEqual(new Date("2199-06-01T12:00:00Z"));
    expect(await get()).toMatchObject({ paused_until: "2199-06-01T10:00:00.000Z" });
  });

  test("tells every ticker", async () => {
    const heard: string[] = [];
    const end = bus.subscribe("changed", (ids) => heard.push(...ids));
    await create();
    await said(`setenabled/${base.path}`, { body: { enabled: true } });
    await said(`delete/${base.path}`, { method: "DELETE" });
    end();
    expect(heard).toEqual(Array(3).fill("schedule:w:u/alice/one"));
  });

  test("enabling clears the error; disabling and deleting end what has not started", async () => {
    for (const off of ["disable", "delete"]) {
      await create({ enabled: true });
      await db.execute(sql`update schedule set error = 'gone'`);
      const id = (await said(`run/${base.path}`, { body: {} }))[1];
      if (off === "disable") await said(`setenabled/${base.path}`, { body: { enabled: false } });
      else await said(`delete/${base.path}`, { method: "DELETE" });
      expect(await db.one(sql`select status, canceled_by from job_done where id = ${id}`)).toEqual({
        status: "canceled",
        canceled_by: "alice",
      });
      if (off === "delete") break;
      await said(`setenabled/${base.path}`, { body: { enabled: true } });
      expect(await get()).not.toHaveProperty("error");
      await said(`delete/${base.path}`, { method: "DELETE" });
    }
    const kept = await db.query<{ item_kind: string; item_path: string }>(sql`select item_kind, item_path from trash`);
    expect(kept).toContainEqual({ item_kind: "schedule", item_path: base.path });
    expect(await said(`get/${base.path}`)).toEqual([404, "Schedule not found at name u/alice/one"]);
  });

  test("needs the right to write it; reading it is not enough, and what may not be read is missing", async () => {
    await create({ path: "f/shared/s" });
    await create({ path: "u/alice/mine" });
    const attempts: [string, Sent][] = [
      ["update/PATH", { body: { schedule: "0 0 1 * * *", timezone: "UTC", args: {} } }],
      ["setenabled/PATH", { body: { enabled: true } }],
      ["run/PATH", { body: {} }],
      ["delete/PATH", { method: "DELETE" }],
    ];
    for (const [path, sent] of attempts) {
      expect([path, (await said(path.replace("PATH", "f/shared/s"), { ...sent, as: "bob" }))[0]]).toEqual([path, 403]);
      expect([path, (await said(path.replace("PATH", "u/alice/mine"), { ...sent, as: "bob" }))[0]]).toEqual([
        path,
        404,
      ]);
      expect([path, (await said(path.replace("PATH", "u/alice/none"), sent))[0]]).toEqual([path, 404]);
    }
    expect((await said("get/f/shared/s", { as: "bob" }))[0]).toBe(200);
    expect((await said("get/u/alice/mine", { as: "bob" }))[0]).toBe(404);
    expect((await said("ticks/u/alice/mine", { as: "bob" }))[0]).toBe(404);
    expect(await said("exists/u/alice/mine", { as: "bob" })).toEqual([200, "false"]);
    expect((await json<{ path: string }[]>("list", { as: "bob" })).map((row) => row.path)).toEqual(["f/shared/s"]);
  });
});

describe("running one now", () => {
  test("starts its script as the schedule does, any number of times at once", async () => {
    await create({ args: { n: 1 }, timeout: 9 });
    const started = await Promise.all(Array.from({ length: 5 }, () => said(`run/${base.path}`, { body: {} })));
    expect(started.map(([status]) => status)).toEqual(Array(5).fill(201));
    const rows = await db.query(
      sql`select created_by, permissioned_as, trigger_kind, trigger_path, tag, args, timeout_s, script_path from job`,
    );
    expect(rows).toEqual(
      Array(5).fill({
        created_by: "schedule-u-alice-one",
        permissioned_as: "u/alice",
        trigger_kind: "schedule",
        trigger_path: base.path,
        tag: "gpu",
        args: '{"n":1}',
        timeout_s: 9,
        script_path: "u/alice/a",
      }),
    );
    const found = await json<Record<string, unknown>[]>(`ticks/${base.path}`);
    expect(found).toHaveLength(5);
    expect(found.filter((tick) => String(tick["due"]).endsWith(".000Z"))).toEqual([]);
    expect(found[0]).toMatchObject({ state: "open", note: "run by hand" });
  });
});

describe("lists", () => {
  test("are narrowed", async () => {
    await create({
      path: "u/alice/one",
      summary: "Nightly",
      description: "cleans",
      labels: ["x"],
      args: { deep: { a: 1, b: 2 }, nul: "\u0000" },
    });
    await create({ path: "u/alice/two", args: { deep: { a: 1 }, list: ["q"] } });
    await create({ path: "f/shared/three", script_path: "f/shared/b", is_flow: true });
    const paths = async (query: string): Promise<string[]> =>
      (await json<{ path: string }[]>(`list?${query}`)).map((row) => row.path).sort();
    expect(await paths("")).toEqual(["f/shared/three", "u/alice/one", "u/alice/two"]);
    expect(await paths("path=u/alice/a")).toEqual(["u/alice/one", "u/alice/two"]);
    expect(await paths("path_start=f/")).toEqual(["f/shared/three"]);
    expect(await paths("schedule_path=u/alice/two")).toEqual(["u/alice/two"]);
    expect(await paths("is_flow=true")).toEqual(["f/shared/three"]);
    expect(await paths("summary=night")).toEqual(["u/alice/one"]);
    expect(await paths("description=CLEAN")).toEqual(["u/alice/one"]);
    expect(await paths("label=x")).toEqual(["u/alice/one"]);
    expect(await paths("broad_filter=shared/b")).toEqual(["f/shared/three"]);
    expect(await paths(`args=${encodeURIComponent('{"deep":{"a":1}}')}`)).toEqual(["u/alice/two"]);
    expect((await said("list?args=oops"))[0]).toBe(400);
    expect(await paths("per_page=2&page=2")).toHaveLength(1);
    await db.execute(
      sql`insert into draft (workspace_id, kind, path, email, value) values ('w', 'trigger_schedule', 'u/alice/new', 'alice@example.com', '{"schedule":"* * * * *"}')`,
    );
    expect(await paths("include_draft_only=true")).toContain("u/alice/new");
    expect(await json("get/u/alice/new?get_draft=true")).toMatchObject({ draft_only: true, schedule: "* * * * *" });
  });

  test("with jobs tell the last runs and the next moment", async () => {
    await create({ enabled: true });
    for (const status of ["success", "failure", "skipped"] as const) {
      const id = (await said(`run/${base.path}`, { body: {} }))[1];
      await db.execute(sql`delete from job_queue where id = ${id}`);
      await db.execute(
        sql`insert into job_done (id, workspace_id, status, duration_ms) values (${id}, 'w', ${status}, 7)`,
      );
      await db.execute(sql`update schedule_tick set state = ${status}, settled_at = now() where job_id = ${id}`);
    }
    const [row] = await json<{ jobs: unknown[]; next_run_at: string }[]>("list_with_jobs");
    expect(row?.jobs).toMatchObject([
      { success: true, duration_ms: 7 },
      { success: false, duration_ms: 7 },
      { success: true, duration_ms: 7 },
    ]);
    expect(Date.parse(row?.next_run_at ?? "")).toBeGreaterThan(Date.now());
  });

  test("of many schedules read one index", async () => {
    await db.execute(sql`insert into schedule (workspace_id, path, schedule, timezone, script_path, permissioned_as, email, edited_by, edited_at)
      select 'w', 'u/alice/s' || n, '* * * * *', 'UTC', 'u/alice/a', 'u/alice', 'alice@example.com', 'alice', now() - make_interval(secs => n) from generate_series(1, 20000) n`);
    await db.execute(sql`analyze schedule`);
    const plan = await db.query<Record<string, string>>(
      sql`explain select s.path from schedule s where s.workspace_id = 'w' order by s.edited_at desc, s.path limit 100 offset 100`,
    );
    expect(JSON.stringify(plan)).toContain("schedule_recent");
    expect(await json<unknown[]>("list?per_page=10")).toHaveLength(10);
  });
});

describe("default handlers", () => {
  test("are kept for the workspace, and set on all schedules when asked to", async () => {
    await create({ on_failure: "script/u/alice/a", on_failure_exact: true });
    const body = {
      handler_type: "error",
      override_existing: true,
      path: "script/f/shared/b",
      extra_args: { channel: "ops" },
      number_of_occurence: 3,
    };
    expect((await said("setdefaulthandler", { body }))[0]).toBe(403);
    expect((await said("setdefaulthandler", { as: "admin", body }))[0]).toBe(201);
    const found = await get();
    expect(found).toMatchObject({
      on_failure: "script/f/shared/b",
      on_failure_times: 3,
      on_failure_extra_args: { channel: "ops" },
    });
    expect(found).not.toHaveProperty("on_failure_exact");
    expect(await db.one(sql`select value from global_setting where name = 'default_error_handler_w'`)).toEqual({
      value: { errorHandlerPath: "script/f/shared/b", errorHandlerExtraArgs: { channel: "ops" }, failedTimes: 3 },
    });
    expect(
      (await said("setdefaulthandler", { as: "admin", body: { handler_type: "error", override_existing: true } }))[0],
    ).toBe(201);
    expect(await get()).not.toHaveProperty("on_failure");
    expect(
      (
        await said("setdefaulthandler", {
          as: "admin",
          body: { handler_type: "recovery", override_existing: false, path: "flow/f/shared/c" },
        })
      )[0],
    ).toBe(201);
    expect(await get()).not.toHaveProperty("on_recovery");
  });
});

test("every change is in the audit", async () => {
  await create();
  await said(`setenabled/${base.path}`, { body: { enabled: true } });
  await said(`update/${base.path}`, { body: { schedule: base.schedule, timezone: "UTC", args: {} } });
  await said(`delete/${base.path}`, { method: "DELETE" });
  const rows = await db.query<{ operation: string }>(
    sql`select operation from audit where resource = ${base.path} order by id`,
  );
  expect(rows.map((row) => row.operation)).toEqual([
    "schedule.create",
    "schedule.setenabled",
    "schedule.edit",
    "schedule.delete",
  ]);
});
