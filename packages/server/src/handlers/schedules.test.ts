import { schedulesOperations } from "@towermill/contract";
import { sql } from "@towermill/store";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { jobsWorld, type Sent } from "../../test/jobs-world.ts";
import { createApp } from "../http/app.ts";
import { mount } from "../http/mount.ts";
import { createAuthentication } from "../identity/authentication.ts";
import { schedulesHandlers } from "./schedules.ts";

const world = await jobsWorld();
const { db, services, addScript, addToken } = world;
const auth = createAuthentication({ db, bus: services.bus, now: () => new Date() });
const app = createApp({ services, auth, routes: mount(schedulesOperations, schedulesHandlers(services)) });

await addScript({ path: "u/alice/a", hash: "a1", options: { tag: "gpu" } });
await addScript({ path: "f/shared/b", hash: "b1" });
await addScript({ path: "u/bob/secret", hash: "s1" });
await addToken("alice", "reads", ["schedules:read"]);
await addToken("alice", "narrow", ["schedules:write:u/alice/one"]);

afterEach(async () => {
  for (const table of ["schedule", "draft", "trash", "audit"]) await db.execute(sql`delete from ${sql.ident(table)}`);
  await world.clear();
});

async function said(path: string, { as = "alice", body, method }: Sent = {}): Promise<[number, string]> {
  const response = await app.request(`http://localhost/api/${path.startsWith("/") ? path.slice(1) : `w/w/schedules/${path}`}`, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: { ...(as === "" ? {} : { authorization: `Bearer ${as}` }), "content-type": "application/json" },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  return [response.status, await response.text()];
}

const base = { path: "u/alice/one", schedule: "0 0 12 * * *", timezone: "Europe/Paris", script_path: "u/alice/a", is_flow: false, args: {} };
const create = (fields: Record<string, unknown> = {}, as = "alice") => said("create", { as, body: { ...base, ...fields } });
const json = async <T = Record<string, unknown>>(path: string, sent: Sent = {}): Promise<T> => {
  const [status, text] = await said(path, sent);
  expect([path, status, text]).toEqual([path, 200, text]);
  return JSON.parse(text) as T;
};
const get = (path = base.path): Promise<Record<string, unknown>> => json(`get/${path}`);
const rowOf = (path = base.path): Promise<{ next_run_at: Date; wake_at: Date }> => db.one(sql`select * from schedule where path = ${path}`);

describe("a preview", () => {
  test("tells the next five moments in UTC", async () => {
    const found = await json<string[]>("/schedules/preview", { body: { schedule: "0 0 12 * * *", timezone: "UTC" } });
    expect(found).toHaveLength(5);
    for (const moment of found) expect(moment).toMatch(/^\d{4}-\d\d-\d\dT12:00:00.000Z$/);
    expect(await said("/schedules/preview", { as: "reads", body: { schedule: "* * * * *", timezone: "UTC", cron_version: "v2" } })).toEqual([200, expect.any(String)]);
  });

  test("names what cannot be read", async () => {
    const refused = (body: unknown) => said("/schedules/preview", { body });
    expect(await refused({ schedule: "61 * * * *", timezone: "UTC" })).toEqual([400, expect.stringContaining("Invalid value for minute: 61")]);
    expect(await refused({ schedule: "* * * * *", timezone: "Nowhere" })).toEqual([400, expect.stringContaining('The time zone "Nowhere" is not known')]);
    expect(await refused({ schedule: "* * * * *", timezone: "UTC", cron_version: "v1" })).toEqual([400, expect.stringContaining("expected 6 fields")]);
    expect((await refused({ timezone: "UTC" }))[0]).toBe(400);
    expect((await said("/schedules/preview", { as: "", body: { schedule: "* * * * *", timezone: "UTC" } }))[0]).toBe(401);
  });

  test("of anything ends in an answer or a sentence", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 80, unit: "binary" }), fc.string({ maxLength: 30 }), async (schedule, timezone) => {
        expect([200, 400]).toContain((await said("/schedules/preview", { body: { schedule, timezone } }))[0]);
      }),
      { numRuns: 150 },
    );
  });
});

describe("a schedule", () => {
  test("is kept as it was sent, and acts as whoever made it", async () => {
    const args = '{"z":1.0,"a":12345678901234567890}';
    const [status, text] = await said("create", {
      body: JSON.stringify({ ...base, summary: "s", labels: ["x"], on_failure: "script/f/shared/b", retry: { constant: { attempts: 2, seconds: 5 } }, on_failure_extra_args: { b: 1, a: 2 } }).replace('"args":{}', `"args":${args}`),
    });
    expect([status, text]).toEqual([201, base.path]);
    expect((await said(`get/${base.path}`))[1]).toContain(`"args":${args}`);
    const found = await get();
    expect(found).toMatchObject({
      path: base.path,
      schedule: base.schedule,
      timezone: base.timezone,
      enabled: false,
      script_path: "u/alice/a",
      is_flow: false,
      edited_by: "alice",
      email: "alice@example.com",
      permissioned_as: "u/alice",
      cron_version: "v2",
      no_flow_overlap: false,
      ws_error_handler_muted: false,
      summary: "s",
      labels: ["x"],
      on_failure: "script/f/shared/b",
      retry: { constant: { attempts: 2, seconds: 5 } },
      extra_perms: {},
    });
    for (const absent of ["on_recovery", "tag", "error", "paused_until", "catch_up", "next_run_at"]) expect(found).not.toHaveProperty(absent);
    expect(await said("exists/u/alice/one")).toEqual([200, "true"]);
    expect(await said("exists/u/alice/two")).toEqual([200, "false"]);
  });

  test("is refused twice at a path, and where one may not write", async () => {
    expect((await create())[0]).toBe(201);
    expect(await create()).toEqual([400, "Schedule u/alice/one already exists"]);
    expect((await create({ path: "u/bob/x" }))[0]).toBe(403);
    expect((await create({ path: "nonsense" }))[0]).toBe(400);
    expect((await create({ path: "f/shared/x" }, "olga"))[0]).toBe(403);
    expect((await create({ path: "u/alice/two" }, "narrow"))[0]).toBe(403);
    expect((await create({}, "eve"))[0]).toBe(403);
    expect((await create({}, "reads"))[0]).toBe(403);
    expect((await create({}, ""))[0]).toBe(401);
  });

  test.each([
    [{ schedule: "0 0 30 2 *" }, "never comes true"],
    [{ schedule: "x" }, "has 1 fields"],
    [{ timezone: "../../etc" }, "is not known"],
    [{ on_failure: "u/alice/a" }, "is no handler"],
    [{ on_failure_times: 0 }, "on_failure_times"],
    [{ overlap: "sometimes" }, "overlap"],
    [{ catch_up: "some" }, "catch_up"],
    [{ paused_until: "tomorrow" }, "paused_until"],
    [{ args: [1] }, "args"],
    [{ summary: "a\u0000b" }, "NUL"],
    [{ retry: { constant: { attempts: -1 } } }, "attempts"],
    [{ script_path: "" }, "script_path"],
  ])("with %j is refused", async (fields, reason) => {
    const [status, text] = await create(fields);
    expect([status, text]).toEqual([400, expect.stringContaining(reason)]);
  });

  test("cannot be enabled for what does not exist or may not be read", async () => {
    for (const [fields, missing] of [
      [{ script_path: "u/alice/none" }, "Script not found at name u/alice/none"],
      [{ script_path: "u/bob/secret" }, "Script not found at name u/bob/secret"],
      [{ script_path: "u/alice/a", is_flow: true }, "Flow not found at name u/alice/a"],
    ] as const) {
      expect(await create({ ...fields, enabled: true })).toEqual([404, missing]);
      expect((await create({ ...fields, path: "u/alice/off" }))[0]).toBe(201);
      expect(await said("setenabled/u/alice/off", { body: { enabled: true } })).toEqual([404, missing]);
      expect((await said("delete/u/alice/off", { method: "DELETE" }))[0]).toBe(200);
    }
  });

  test("cannot name a handler that one may not read: it would run as somebody else", async () => {
    for (const field of ["on_failure", "on_recovery", "on_success"]) {
      expect(await create({ [field]: "script/u/bob/secret" })).toEqual([403, expect.stringContaining(`${field}: u/alice may not read`)]);
      expect((await create({ [field]: "script/u/bob/later" }))[0]).toBe(403);
    }
  });

  test("acts as another only when an admin says so", async () => {
    await create({ permissioned_as: "u/bob", preserve_permissioned_as: true });
    expect(await get()).toMatchObject({ permissioned_as: "u/alice" });
    await create({ path: "u/alice/two", permissioned_as: "u/bob", preserve_permissioned_as: true }, "admin");
    expect(await get("u/alice/two")).toMatchObject({ permissioned_as: "u/bob", email: "bob@example.com", edited_by: "admin" });
    await create({ path: "u/alice/three", permissioned_as: "g/all", preserve_permissioned_as: true }, "admin");
    expect(await get("u/alice/three")).toMatchObject({ permissioned_as: "g/all", email: "group-all@windmill.dev" });
    expect(await create({ path: "u/alice/four", permissioned_as: "u/nobody", preserve_permissioned_as: true }, "admin")).toEqual([
      400,
      "permissioned_as: u/nobody names no member of w",
    ]);
  });
});

describe("changing a schedule", () => {
  test("replaces what it says, and keeps what it runs and whether it is enabled", async () => {
    await create({ enabled: true, on_failure: "script/f/shared/b", tag: "gpu", summary: "old" });
    const { schedule, timezone } = base;
    expect(await said(`update/${base.path}`, { body: { schedule, timezone, args: { a: 1 }, no_flow_overlap: true, script_path: "f/shared/b" } })).toEqual([200, base.path]);
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
    const end = services.bus.subscribe("changed", (ids) => heard.push(...ids));
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
      expect(await db.one(sql`select status, canceled_by from job_done where id = ${id}`)).toEqual({ status: "canceled", canceled_by: "alice" });
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
      expect([path, (await said(path.replace("PATH", "u/alice/mine"), { ...sent, as: "bob" }))[0]]).toEqual([path, 404]);
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
    const rows = await db.query(sql`select created_by, permissioned_as, trigger_kind, trigger_path, tag, args, timeout_s, script_path from job`);
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
    expect(found[0]).toMatchObject({ state: "open", note: "run by hand" });
  });
});

describe("lists", () => {
  test("are narrowed", async () => {
    await create({ path: "u/alice/one", summary: "Nightly", description: "cleans", labels: ["x"], args: { deep: { a: 1, b: 2 }, nul: "\u0000" } });
    await create({ path: "u/alice/two", args: { deep: { a: 1 }, list: ["q"] } });
    await create({ path: "f/shared/three", script_path: "f/shared/b", is_flow: true });
    const paths = async (query: string): Promise<string[]> => (await json<{ path: string }[]>(`list?${query}`)).map((row) => row.path).sort();
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
    await db.execute(sql`insert into draft (workspace_id, kind, path, email, value) values ('w', 'trigger_schedule', 'u/alice/new', 'alice@example.com', '{"schedule":"* * * * *"}')`);
    expect(await paths("include_draft_only=true")).toContain("u/alice/new");
    expect(await json("get/u/alice/new?get_draft=true")).toMatchObject({ draft_only: true, schedule: "* * * * *" });
  });

  test("with jobs tell the last runs and the next moment", async () => {
    await create({ enabled: true });
    for (const status of ["success", "failure", "skipped"] as const) {
      const id = (await said(`run/${base.path}`, { body: {} }))[1];
      await db.execute(sql`delete from job_queue where id = ${id}`);
      await db.execute(sql`insert into job_done (id, workspace_id, status, duration_ms) values (${id}, 'w', ${status}, 7)`);
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
    const plan = await db.query<Record<string, string>>(sql`explain select s.path from schedule s where s.workspace_id = 'w' order by s.edited_at desc, s.path limit 100 offset 100`);
    expect(JSON.stringify(plan)).toContain("schedule_recent");
    expect(await json<unknown[]>("list?per_page=10")).toHaveLength(10);
  });
});

describe("default handlers", () => {
  test("are kept for the workspace, and set on all schedules when asked to", async () => {
    await create({ on_failure: "script/u/alice/a", on_failure_exact: true });
    const body = { handler_type: "error", override_existing: true, path: "script/f/shared/b", extra_args: { channel: "ops" }, number_of_occurence: 3 };
    expect((await said("setdefaulthandler", { body }))[0]).toBe(403);
    expect((await said("setdefaulthandler", { as: "admin", body }))[0]).toBe(201);
    const found = await get();
    expect(found).toMatchObject({ on_failure: "script/f/shared/b", on_failure_times: 3, on_failure_extra_args: { channel: "ops" } });
    expect(found).not.toHaveProperty("on_failure_exact");
    expect(await db.one(sql`select value from global_setting where name = 'default_error_handler_w'`)).toEqual({
      value: { errorHandlerPath: "script/f/shared/b", errorHandlerExtraArgs: { channel: "ops" }, failedTimes: 3 },
    });
    expect((await said("setdefaulthandler", { as: "admin", body: { handler_type: "error", override_existing: true } }))[0]).toBe(201);
    expect(await get()).not.toHaveProperty("on_failure");
    expect((await said("setdefaulthandler", { as: "admin", body: { handler_type: "recovery", override_existing: false, path: "flow/f/shared/c" } }))[0]).toBe(201);
    expect(await get()).not.toHaveProperty("on_recovery");
  });
});

test("every change is in the audit", async () => {
  await create();
  await said(`setenabled/${base.path}`, { body: { enabled: true } });
  await said(`update/${base.path}`, { body: { schedule: base.schedule, timezone: "UTC", args: {} } });
  await said(`delete/${base.path}`, { method: "DELETE" });
  const rows = await db.query<{ operation: string }>(sql`select operation from audit where resource = ${base.path} order by id`);
  expect(rows.map((row) => row.operation)).toEqual(["schedule.create", "schedule.setenabled", "schedule.edit", "schedule.delete"]);
});
