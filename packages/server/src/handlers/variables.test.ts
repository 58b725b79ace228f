import { sql } from "@towermill/store";
import { beforeEach, describe, expect, test } from "vitest";
import { itemsWorld } from "../../test/world.ts";

const { db, services, said, json, jobOf, addToken } = await itemsWorld();

const plain = { path: "u/alice/v", value: "hello", is_secret: false, description: "d" };
const create = async (fields: Record<string, unknown> = {}, as = "alice"): Promise<void> => {
  const [status, text] = await said("variables/create", { as, body: { ...plain, ...fields } });
  expect([text, status]).toEqual([expect.any(String), 201]);
};
const secret = { path: "u/alice/s", value: "hunter22", is_secret: true };

beforeEach(async () => {
  for (const table of ["variable", "resource", "draft", "audit"])
    await db.execute(sql`delete from ${sql.ident(table)}`);
});

describe("a variable", () => {
  test("is created, read, listed, changed and deleted", async () => {
    await create();
    const found = await json("variables/get/u/alice/v");
    expect(found).toMatchObject({ workspace_id: "w", ...plain, is_oauth: false, extra_perms: {}, edited_by: "alice" });
    for (const absent of ["account", "expires_at", "labels", "ws_specific"]) expect(found).not.toHaveProperty(absent);
    expect(await said("variables/get_value/u/alice/v")).toEqual([200, '"hello"']);
    expect(await json("variables/exists/u/alice/v")).toBe(true);
    expect(await said("variables/update/u/alice/v", { body: { value: "new", labels: ["l"] } })).toEqual([
      200,
      "variable u/alice/v updated",
    ]);
    expect(await json("variables/list")).toMatchObject([
      { path: "u/alice/v", value: "new", description: "d", labels: ["l"] },
    ]);
    expect((await said("variables/delete/u/alice/v", { method: "DELETE" }))[0]).toBe(200);
    expect(await json("variables/exists/u/alice/v")).toBe(false);
    expect((await said("variables/get/u/alice/v"))[0]).toBe(404);
    expect((await said("variables/delete/u/alice/v", { method: "DELETE" }))[0]).toBe(404);
    const operations = await db.query<{ operation: string }>(sql`select operation from audit order by id`);
    expect(operations.map((row) => row.operation)).toEqual([
      "variables.create",
      "variables.update",
      "variables.delete",
    ]);
  });

  test("of an existing path is refused, and so is a move onto one", async () => {
    await create();
    await create({ path: "u/alice/w" });
    expect(await said("variables/create", { body: plain })).toEqual([400, "Variable u/alice/v already exists"]);
    expect(await said("variables/update/u/alice/w", { body: { path: "u/alice/v" } })).toEqual([
      400,
      "Variable u/alice/v already exists",
    ]);
  });

  test("moves, and its linked resource with it", async () => {
    await create(secret);
    await db.execute(
      sql`insert into resource (workspace_id, path, value, resource_type) values ('w', 'u/alice/s', '{"n":1.0,"pw":"$var:u/alice/s"}', 'pg')`,
    );
    expect((await said("variables/update/u/alice/s", { body: { path: "f/shared/s" } }))[0]).toBe(200);
    expect(await db.one(sql`select path, value from resource`)).toEqual({
      path: "f/shared/s",
      value: '{"n":1.0,"pw":"$var:f/shared/s"}',
    });
    expect(await said("variables/get_value/f/shared/s")).toEqual([200, '"hunter22"']);
    await said("variables/delete/f/shared/s", { method: "DELETE" });
    expect(await db.query(sql`select 1 from resource`)).toEqual([]);
  });

  test("can be deleted in bulk, all or none", async () => {
    await create();
    await create({ path: "u/bob/v" }, "bob");
    const body = { paths: ["u/alice/v", "u/bob/v"] };
    expect((await said("variables/delete_bulk", { method: "DELETE", body }))[0]).toBe(404);
    expect(await json("variables/exists/u/alice/v")).toBe(true);
    expect(await json("variables/delete_bulk", { as: "admin", method: "DELETE", body })).toEqual(body.paths);
  });
});

describe("a secret", () => {
  test("is stored encrypted and shown as asked", async () => {
    await create(secret);
    const { value: stored } = await db.one<{ value: string }>(sql`select value from variable`);
    expect(stored).not.toContain("hunter22");
    expect(Buffer.from(stored, "base64").length % 16).toBe(0);
    expect((await json("variables/get/u/alice/s"))["value"]).toBe("hunter22");
    expect(await json("variables/get/u/alice/s?decrypt_secret=false")).not.toHaveProperty("value");
    expect((await json("variables/get/u/alice/s?decrypt_secret=false&include_encrypted=true"))["value"]).toBe(stored);
    expect((await json<Record<string, unknown>[]>("variables/list"))[0]).not.toHaveProperty("value");
    expect(await json("variables/list?value=hunter")).toEqual([]);
  });

  test("is audited each time it is decrypted, with the job that did it", async () => {
    await create(secret);
    await db.execute(sql`delete from audit`);
    await said("variables/get/u/alice/s?decrypt_secret=false");
    expect(await db.query(sql`select 1 from audit`)).toEqual([]);
    await said("variables/get_value/u/alice/s");
    await said("variables/get_value/u/alice/s", { as: await jobOf("alice") });
    const rows = await db.query<{ parameters: { job: string } | null }>(
      sql`select username, operation, resource, parameters from audit order by id`,
    );
    expect(rows).toMatchObject([
      { username: "alice", operation: "variables.decrypt_secret", resource: "u/alice/s", parameters: null },
      { parameters: { job: expect.stringMatching(/^[0-9a-f-]{36}$/) } },
    ]);
    expect(JSON.stringify(rows)).not.toContain("hunter22");
  });

  test("travels as ciphertext with already_encrypted, also to another path", async () => {
    await create(secret);
    const { value } = await json<{ value: string }>(
      "variables/get/u/alice/s?decrypt_secret=false&include_encrypted=true",
    );
    expect(
      (
        await said("variables/create?already_encrypted=true", {
          body: { ...secret, path: "u/alice/copy", value, description: "" },
        })
      )[0],
    ).toBe(201);
    expect(await said("variables/get_value/u/alice/copy")).toEqual([200, '"hunter22"']);
    expect((await said("variables/update/u/alice/copy?already_encrypted=true", { body: { value } }))[0]).toBe(200);
    expect(await said("variables/get_value/u/alice/copy")).toEqual([200, '"hunter22"']);
    await said("variables/update/u/alice/copy?already_encrypted=true", { body: { value: "AAAAAAAAAAAAAAAAAAAAAA==" } });
    expect((await said("variables/get_value/u/alice/copy"))[0]).toBe(400);
  });

  test("becomes plain and secret again", async () => {
    await create(secret);
    await said("variables/update/u/alice/s", { body: { is_secret: false } });
    expect((await db.one<{ value: string }>(sql`select value from variable`)).value).toBe("hunter22");
    await said("variables/update/u/alice/s", { body: { is_secret: true } });
    expect((await db.one<{ value: string }>(sql`select value from variable`)).value).not.toBe("hunter22");
    await said("variables/update/u/alice/s", { body: { value: "next" } });
    expect(await said("variables/get_value/u/alice/s")).toEqual([200, '"next"']);
    await said("variables/update/u/alice/s", { body: { value: "" } });
    expect(await said("variables/get_value/u/alice/s")).toEqual([200, '""']);
  });

  test("is out of an operator's sight but not of their jobs'", async () => {
    await create({ ...secret, path: "f/shared/s" });
    expect((await said("variables/get/f/shared/s", { as: "olga" }))[0]).toBe(403);
    expect((await said("variables/get_value/f/shared/s", { as: "olga" }))[0]).toBe(403);
    expect((await said("variables/get/f/shared/s?decrypt_secret=false", { as: "olga" }))[0]).toBe(200);
    expect(await said("variables/get_value/f/shared/s", { as: await jobOf("olga") })).toEqual([200, '"hunter22"']);
  });

  test("can be encrypted without being stored", async () => {
    const [status, text] = await said("variables/encrypt", { body: '"abc"' });
    expect(status).toBe(200);
    expect(await services.vault.decrypt("w", text)).toBe("abc");
    expect((await said("variables/encrypt", { as: "olga", body: '"abc"' }))[0]).toBe(403);
  });
});

describe("permission", () => {
  test("is by path, and a refusal looks like a miss", async () => {
    await create();
    await create({ path: "f/shared/v" });
    expect(await said("variables/get/u/alice/v", { as: "bob" })).toEqual([404, "Variable not found at name u/alice/v"]);
    expect(await said("variables/get_value/u/alice/v", { as: "bob" })).toEqual([
      404,
      "Variable not found at name u/alice/v",
    ]);
    expect(await json("variables/exists/u/alice/v", { as: "bob" })).toBe(false);
    expect((await said("variables/update/u/alice/v", { as: "bob", body: { value: "x" } }))[0]).toBe(404);
    expect((await said("variables/update/f/shared/v", { as: "bob", body: { value: "x" } }))[0]).toBe(403);
    expect((await said("variables/update/f/shared/v", { body: { path: "u/bob/v" } }))[0]).toBe(403);
    expect((await said("variables/create", { as: "bob", body: { ...plain, path: "f/shared/w" } }))[0]).toBe(403);
    expect((await said("variables/create", { as: "olga", body: { ...plain, path: "u/olga/w" } }))[0]).toBe(403);
    expect((await json<unknown[]>("variables/list", { as: "bob" })).length).toBe(1);
    expect((await said("variables/list", { as: "eve" }))[0]).toBe(403);
  });

  test("of an item's own grants counts", async () => {
    await create();
    await db.execute(sql`update variable set extra_perms = '{"u/bob": false, "g/all": false}'`);
    expect((await said("variables/get/u/alice/v", { as: "bob" }))[0]).toBe(200);
    expect((await said("variables/update/u/alice/v", { as: "bob", body: { value: "x" } }))[0]).toBe(403);
    await db.execute(sql`update variable set extra_perms = '{"u/bob": true}'`);
    expect((await said("variables/update/u/alice/v", { as: "bob", body: { value: "x" } }))[0]).toBe(200);
    expect((await said("variables/update/u/alice/v", { as: "bob", body: { path: "u/bob/v" } }))[0]).toBe(200);
  });

  test("of a token narrowed to paths is narrowed, in resources too", async () => {
    await create();
    await create({ ...secret, path: "f/shared/s" });
    await addToken("alice", "narrow", ["variables:read:f/shared/*", "resources:read:f/shared/*"]);
    expect((await said("variables/get/u/alice/v", { as: "narrow" }))[0]).toBe(403);
    expect((await said("variables/get/f/shared/s", { as: "narrow" }))[0]).toBe(200);
    await db.execute(sql`insert into resource (workspace_id, path, value, resource_type) values
      ('w', 'f/shared/in', '"$var:f/shared/s"', 'x'), ('w', 'f/shared/out', '"$var:u/alice/v"', 'x')`);
    expect(await said("resources/get_value_interpolated/f/shared/in", { as: "narrow" })).toEqual([200, '"hunter22"']);
    expect((await said("resources/get_value_interpolated/f/shared/out", { as: "narrow" }))[0]).toBe(400);
  });
});

test("lists are narrowed by their filters", async () => {
  await create({ path: "u/alice/a", value: "apple", description: "fruit", labels: ["x"] });
  await create({ path: "u/alice/b", value: "beet" });
  await create({ ...secret, description: "" });
  const found = async (query: string) =>
    (await json<{ path: string }[]>(`variables/list?${query}`)).map((row) => row.path);
  expect(await found("")).toEqual(["u/alice/a", "u/alice/b", "u/alice/s"]);
  expect(await found("path=u/alice/a")).toEqual(["u/alice/a"]);
  expect(await found("path_start=u/alice/b")).toEqual(["u/alice/b"]);
  expect(await found("description=FRU")).toEqual(["u/alice/a"]);
  expect(await found("value=BEE")).toEqual(["u/alice/b"]);
  expect(await found("broad_filter=apple")).toEqual(["u/alice/a"]);
  expect(await found("broad_filter=hunter22")).toEqual([]);
  expect(await found("label=x")).toEqual(["u/alice/a"]);
  expect(await found("per_page=1&page=2")).toEqual(["u/alice/b"]);
});

test("contextual variables name what every job finds", async () => {
  const names = (await json<{ name: string }[]>("variables/list_contextual", { as: "olga" })).map(({ name }) => name);
  expect(names).toContain("WM_TOKEN");
  expect(new Set(names).size).toBe(names.length);
});

test("contextual variables of the workspace's own are listed after them, and hide none", async () => {
  const set = (variables: object) =>
    db.execute(sql`update workspace set settings = ${sql.json({ environment_variables: variables })} where id = 'w'`);
  await set({ REGION: "eu", WM_TOKEN: "mine" });
  const custom = async () =>
    (await json<{ is_custom: boolean }[]>("variables/list_contextual", { as: "olga" })).filter((one) => one.is_custom);
  expect(await custom()).toEqual([{ name: "REGION", value: "eu", description: "", is_custom: true }]);
  await set({});
  expect(await custom()).toEqual([]);
});

test.each([
  ["a climbing path", { path: "u/alice/../x" }],
  ["a NUL in the value", { value: "a\u0000" }],
  ["a wrong type", { value: 5 }],
  ["a missing flag", { is_secret: undefined }],
  ["a wrong date", { expires_at: "soon" }],
])("%s is refused as 400", async (_name, change) => {
  expect((await said("variables/create", { body: { ...plain, ...change } }))[0]).toBe(400);
});

test("a megabyte of secret comes back whole", async () => {
  await create({ ...secret, value: "x".repeat(1_000_000) });
  expect((await json<{ value: string }>("variables/get/u/alice/s")).value.length).toBe(1_000_000);
});
