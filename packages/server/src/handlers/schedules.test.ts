import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { base, schedulesWorld } from "../../test/schedules-world.ts";

const world = await schedulesWorld();
const { said, json, create, get } = world;
afterEach(() => world.clear());

describe("a preview", () => {
  test("tells the next five moments in UTC", async () => {
    const found = await json<string[]>("/schedules/preview", { body: { schedule: "0 0 12 * * *", timezone: "UTC" } });
    expect(found).toHaveLength(5);
    for (const moment of found) expect(moment).toMatch(/^\d{4}-\d\d-\d\dT12:00:00.000Z$/);
    expect(
      await said("/schedules/preview", {
        as: "reads",
        body: { schedule: "* * * * *", timezone: "UTC", cron_version: "v2" },
      }),
    ).toEqual([200, expect.any(String)]);
  });

  test("names what cannot be read", async () => {
    const refused = (body: unknown) => said("/schedules/preview", { body });
    expect(await refused({ schedule: "61 * * * *", timezone: "UTC" })).toEqual([
      400,
      expect.stringContaining("Invalid value for minute: 61"),
    ]);
    expect(await refused({ schedule: "* * * * *", timezone: "Nowhere" })).toEqual([
      400,
      expect.stringContaining('The time zone "Nowhere" is not known'),
    ]);
    expect(await refused({ schedule: "* * * * *", timezone: "UTC", cron_version: "v1" })).toEqual([
      400,
      expect.stringContaining("expected 6 fields"),
    ]);
    expect((await refused({ timezone: "UTC" }))[0]).toBe(400);
    expect((await said("/schedules/preview", { as: "", body: { schedule: "* * * * *", timezone: "UTC" } }))[0]).toBe(
      401,
    );
  });

  test("of anything ends in an answer or a sentence", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ maxLength: 80, unit: "binary" }),
        fc.string({ maxLength: 30 }),
        async (schedule, timezone) => {
          expect([200, 400]).toContain((await said("/schedules/preview", { body: { schedule, timezone } }))[0]);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe("a schedule", () => {
  test("is kept as it was sent, and acts as whoever made it", async () => {
    const args = '{"z":1.0,"a":12345678901234567890}';
    const [status, text] = await said("create", {
      body: JSON.stringify({
        ...base,
        summary: "s",
        labels: ["x"],
        on_failure: "script/f/shared/b",
        retry: { constant: { attempts: 2, seconds: 5 } },
        on_failure_extra_args: { b: 1, a: 2 },
      }).replace('"args":{}', `"args":${args}`),
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
    for (const absent of ["on_recovery", "tag", "error", "paused_until", "catch_up", "next_run_at"])
      expect(found).not.toHaveProperty(absent);
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
      expect(await create({ [field]: "script/u/bob/secret" })).toEqual([
        403,
        expect.stringContaining(`${field}: u/alice may not read`),
      ]);
      expect((await create({ [field]: "script/u/bob/later" }))[0]).toBe(403);
    }
  });

  test("acts as another only when an admin says so", async () => {
    await create({ permissioned_as: "u/bob", preserve_permissioned_as: true });
    expect(await get()).toMatchObject({ permissioned_as: "u/alice" });
    await create({ path: "u/alice/two", permissioned_as: "u/bob", preserve_permissioned_as: true }, "admin");
    expect(await get("u/alice/two")).toMatchObject({
      permissioned_as: "u/bob",
      email: "bob@example.com",
      edited_by: "admin",
    });
    await create({ path: "u/alice/three", permissioned_as: "g/all", preserve_permissioned_as: true }, "admin");
    expect(await get("u/alice/three")).toMatchObject({ permissioned_as: "g/all", email: "group-all@windmill.dev" });
    expect(
      await create({ path: "u/alice/four", permissioned_as: "u/nobody", preserve_permissioned_as: true }, "admin"),
    ).toEqual([400, "permissioned_as: u/nobody names no member of w"]);
  });
});
