import { sql } from "@towermill/store";
import { beforeEach, describe, expect, test } from "vitest";
import { itemsWorld } from "../../test/world.ts";

const { db, call, said, json, jobOf } = await itemsWorld();

const value = '{"z":12345678901234567890,"a":1.0,"password":"$var:u/alice/pw"}';
const body = (path: string, text = value): string =>
  `{"path":"${path}","value":${text},"resource_type":"postgresql","description":"d"}`;
const create = async (path: string, text = value, as = "alice"): Promise<void> => {
  expect(await said("resources/create", { as, body: body(path, text) })).toEqual([201, `resource ${path} created`]);
};
const text = async (path: string): Promise<string> => (await call(path)).text();

beforeEach(async () => {
  for (const table of ["variable", "resource", "resource_type", "draft", "audit"])
    await db.execute(sql`delete from ${sql.ident(table)}`);
});

describe("a resource", () => {
  test("is kept exactly as it was sent", async () => {
    await create("u/alice/r");
    expect(await text("resources/get/u/alice/r")).toContain(`"value":${value}`);
    expect(await text("resources/get_value/u/alice/r")).toBe(value);
    expect(await text("resources/list")).toContain(value);
    const found = await json("resources/get/u/alice/r");
    expect(found).toMatchObject({
      workspace_id: "w",
      path: "u/alice/r",
      resource_type: "postgresql",
      description: "d",
      is_oauth: false,
      is_linked: false,
      is_refreshed: false,
      created_by: "alice",
    });
    for (const absent of ["labels", "account", "ws_specific"]) expect(found).not.toHaveProperty(absent);
  });

  test.each(["null", "[1,2]", '"text"', "0", '{"nul":"\\u0000"}', '{"lone":"\\ud800"}', '{"pair":"\\ud83d\\ude00"}'])(
    "may be any JSON: %s",
    async (stored) => {
      await create("u/alice/r", stored);
      expect(await text("resources/get_value/u/alice/r")).toBe(stored);
      expect((await call("resources/list_search")).status).toBe(200);
      expect((await call(`resources/list?value=${Buffer.from('{"a":1}').toString("base64")}`)).status).toBe(200);
    },
  );

  test("without a value is null, and a missing one is a miss", async () => {
    await said("resources/create", { body: { path: "u/alice/r", resource_type: "x" } });
    expect(await said("resources/get_value/u/alice/r")).toEqual([200, "null"]);
    for (const path of ["get", "get_value", "get_value_interpolated"]) {
      expect(await said(`resources/${path}/u/alice/no`)).toEqual([404, "Resource not found at name u/alice/no"]);
    }
  });

  test("is updated in parts, moved, and overwritten when asked", async () => {
    await create("u/alice/r");
    await said("resources/update/u/alice/r", { body: { description: "new" } });
    expect(await json("resources/get/u/alice/r")).toMatchObject({ description: "new", resource_type: "postgresql" });
    expect(await text("resources/get_value/u/alice/r")).toBe(value);
    await said("resources/update_value/u/alice/r", { body: '{"value":{"b":1e2}}' });
    expect(await text("resources/get_value/u/alice/r")).toBe('{"b":1e2}');
    expect(await said("resources/update/u/alice/r", { body: { path: "f/shared/r" } })).toEqual([
      200,
      "resource f/shared/r updated",
    ]);
    expect(await json("resources/exists/u/alice/r")).toBe(false);
    expect((await said("resources/create", { body: body("f/shared/r") }))[0]).toBe(400);
    expect((await said("resources/create?update_if_exists=true", { body: body("f/shared/r", "7") }))[0]).toBe(201);
    expect(await text("resources/get_value/f/shared/r")).toBe("7");
    await create("u/alice/q");
    expect((await said("resources/update/u/alice/q", { body: { path: "f/shared/r" } }))[0]).toBe(400);
  });

  test("is deleted with the variable that is linked to it, and only with that", async () => {
    for (const path of ["u/alice/linked", "u/alice/loose"]) {
      await said("variables/create", { body: { path, value: "x", is_secret: true, description: "" } });
    }
    await create("u/alice/linked", '{"p":"$var:u/alice/linked"}');
    await create("u/alice/loose", "{}");
    expect((await said("resources/delete/u/alice/linked", { method: "DELETE" }))[0]).toBe(200);
    expect(await json("resources/delete_bulk", { method: "DELETE", body: { paths: ["u/alice/loose"] } })).toEqual([
      "u/alice/loose",
    ]);
    expect(await json("variables/exists/u/alice/linked")).toBe(false);
    expect(await json("variables/exists/u/alice/loose")).toBe(true);
  });
});

describe("interpolation", () => {
  test("resolves references under the caller's rights and audits secrets", async () => {
    await said("variables/create", {
      body: { path: "u/alice/pw", value: "hunter22", is_secret: true, description: "" },
    });
    await create("u/alice/r");
    await create("f/shared/outer", '["$res:u/alice/r"]');
    expect(await text("resources/get_value_interpolated/f/shared/outer")).toBe(
      `[${value.replace("$var:u/alice/pw", "hunter22")}]`,
    );
    const [status, refused] = await said("resources/get_value_interpolated/f/shared/outer", { as: "bob" });
    expect([status, refused]).toEqual([
      400,
      expect.stringContaining("Resource u/alice/r not found for `f/shared/outer`"),
    ]);
    expect(await text("resources/get_value/f/shared/outer")).toBe('["$res:u/alice/r"]');
    await said("resources/get_value_interpolated/u/alice/r", { as: await jobOf("alice") });
    const audits = await db.query<{ parameters: unknown }>(
      sql`select parameters from audit where operation = 'variables.decrypt_secret' order by id`,
    );
    expect(audits).toMatchObject([{ parameters: null }, { parameters: { job: expect.any(String) } }]);
  });

  test("answers a loop with 400 instead of running for ever", async () => {
    await create("u/alice/a", '"$res:u/alice/b"');
    await create("u/alice/b", '"$res:u/alice/a"');
    expect((await said("resources/get_value_interpolated/u/alice/a"))[0]).toBe(400);
  });
});

describe("permission", () => {
  test("is by path, and a refusal looks like a miss", async () => {
    await create("u/alice/r");
    await create("f/shared/r");
    for (const path of ["get", "get_value", "get_value_interpolated"]) {
      expect(await said(`resources/${path}/u/alice/r`, { as: "bob" })).toEqual([
        404,
        "Resource not found at name u/alice/r",
      ]);
    }
    expect((await said("resources/update_value/f/shared/r", { as: "bob", body: { value: 1 } }))[0]).toBe(403);
    expect((await said("resources/create?update_if_exists=true", { as: "bob", body: body("f/shared/r") }))[0]).toBe(
      403,
    );
    expect((await said("resources/delete/u/alice/r", { as: "bob", method: "DELETE" }))[0]).toBe(404);
    expect((await said("resources/create", { as: "olga", body: body("u/olga/r") }))[0]).toBe(403);
    expect((await said("resources/get/f/shared/r", { as: "olga" }))[0]).toBe(200);
    expect((await said("resources/get/f/shared/r", { as: "eve" }))[0]).toBe(403);
    expect(await json("resources/exists/u/alice/r", { as: "bob" })).toBe(false);
    expect(await json("resources/list_names/postgresql", { as: "bob" })).toEqual([
      { name: "f/shared/r", path: "f/shared/r" },
    ]);
    expect(await json("resources/type/resource_counts", { as: "bob" })).toEqual([
      { resource_type: "postgresql", count: 1 },
    ]);
  });
});

test("lists are narrowed by their filters", async () => {
  await create("u/alice/a", '{"host":"x","port":1}');
  await create("u/alice/b", '{"host":"y"}');
  await said("resources/create", {
    body: { path: "u/alice/c", value: { long: "z".repeat(5000) }, resource_type: "mysql", labels: ["l"] },
  });
  const found = async (query: string, headers = {}): Promise<string[]> =>
    (await json<{ path: string }[]>(`resources/list?${query}`, { headers })).map((row) => row.path);
  expect(await found("resource_type=mysql,none")).toEqual(["u/alice/c"]);
  expect(await found("resource_type_exclude=mysql")).toEqual(["u/alice/a", "u/alice/b"]);
  expect(await found("path_start=u/alice/b")).toEqual(["u/alice/b"]);
  expect(await found("label=l")).toEqual(["u/alice/c"]);
  expect(await found(`value=${Buffer.from('{"host":"x"}').toString("base64")}`)).toEqual(["u/alice/a"]);
  expect(await found("broad_filter=MYSQL")).toEqual(["u/alice/c"]);
  expect(await found("per_page=2&page=1", { "x-windmill-client": "cli" })).toEqual(["u/alice/c"]);
  expect((await said("resources/list?value=!!!"))[0]).toBe(400);
  expect(await json("resources/list_search")).toMatchObject([{}, {}, { path: "u/alice/c", truncated: true }]);
});

describe("a resource type", () => {
  const type = { name: "c_thing", schema: { z: 1, a: 2 }, description: "d", format_extension: "ini" };

  test("is created, read, changed and deleted", async () => {
    expect((await said("resources/type/create", { body: type }))[0]).toBe(201);
    expect((await said("resources/type/create", { body: type }))[0]).toBe(400);
    const found = await json("resources/type/get/c_thing");
    expect(found).toMatchObject({ ...type, workspace_id: "w", created_by: "alice" });
    expect(found).not.toHaveProperty("is_fileset");
    expect(await json("resources/file_resource_type_to_file_ext_map")).toEqual({
      c_thing: { format_extension: "ini", is_fileset: false },
    });
    await said("resources/type/update/c_thing", { body: { schema: { b: 1 }, format_extension: null } });
    expect(await json("resources/type/get/c_thing")).toMatchObject({ schema: { b: 1 }, description: "d" });
    expect(await json("resources/file_resource_type_to_file_ext_map")).toEqual({});
    expect((await said("resources/type/delete/c_thing", { method: "DELETE" }))[0]).toBe(403);
    expect((await said("resources/type/delete/c_thing", { as: "admin", method: "DELETE" }))[0]).toBe(200);
    expect((await said("resources/type/get/c_thing"))[0]).toBe(404);
    expect((await said("resources/type/update/c_thing", { body: {} }))[0]).toBe(404);
  });

  test("of the instance is seen everywhere, and the workspace's own of the same name wins", async () => {
    await db.execute(
      sql`insert into resource_type (workspace_id, name, description) values ('admins', 'shared', 'instance'), ('admins', 'only', 'x'), ('w', 'shared', 'own'), ('other', 'hidden', 'x')`,
    );
    expect(await json("resources/type/listnames")).toEqual(
      expect.arrayContaining(["only", "postgresql", "shared", "state"]),
    );
    expect(await json("resources/type/get/shared")).toMatchObject({ description: "own" });
    expect(await json("resources/type/exists/state")).toBe(true);
    expect(await json("resources/type/exists/hidden")).toBe(false);
  });

  test("is refused under a name of the wrong form", async () => {
    for (const name of ["", "a b", "../x", "a\u0000"])
      expect((await said("resources/type/create", { body: { name } }))[0]).toBe(400);
  });
});

test.each([
  ["a climbing path", { path: "u/alice/../x" }],
  ["an empty type", { resource_type: "" }],
  ["a wrong type", { description: 5 }],
  ["a NUL in a text", { description: "\u0000" }],
])("%s is refused as 400", async (_name, change) => {
  expect(
    (await said("resources/create", { body: { path: "u/alice/r", value: 1, resource_type: "x", ...change } }))[0],
  ).toBe(400);
});

test("a megabyte comes back whole, and what is nested too deeply is refused", async () => {
  const large = `"${"x".repeat(1_000_000)}"`;
  await create("u/alice/large", large);
  expect(await text("resources/get_value/u/alice/large")).toBe(large);
  expect((await said("resources/create", { body: body("u/alice/deep", "[".repeat(600) + "]".repeat(600)) }))[0]).toBe(
    400,
  );
});
