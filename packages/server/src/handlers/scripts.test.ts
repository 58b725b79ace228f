import { sql } from "@towermill/store";
import { beforeEach, describe, expect, test } from "vitest";
import { itemsWorld } from "../../test/world.ts";

const { db, bus, call, said, json, pushed, addToken } = await itemsWorld();

const main = "export async function main(name: string, n = 3) {\n  return name;\n}\n";
const bash = { path: "u/alice/sh", summary: "", description: "", content: "echo hi", language: "bash" };

async function create(script: Record<string, unknown>, as = "alice"): Promise<string> {
  const [status, text] = await said("scripts/create", { as, body: { ...bash, ...script } });
  expect([status, text]).toEqual([201, expect.stringMatching(/^[0-9a-f]{16}$/)]);
  return text;
}

beforeEach(async () => {
  for (const table of ["script", "draft", "favorite", "raw_script_temp", "audit"])
    await db.execute(sql`delete from ${sql.ident(table)}`);
  pushed.length = 0;
});

describe("deploying", () => {
  test("a new script answers its hash as text, infers the schema and asks for a lock", async () => {
    const hash = await create({ path: "u/alice/a", content: main, language: "bun" });
    const script = await json("scripts/get/p/u/alice/a");
    expect(script).toMatchObject({
      hash,
      path: "u/alice/a",
      kind: "script",
      language: "bun",
      created_by: "alice",
      archived: false,
      deleted: false,
    });
    expect(script).toMatchObject({
      has_preprocessor: false,
      ws_error_handler_muted: false,
      starred: false,
      extra_perms: {},
    });
    expect(script["schema"]).toMatchObject({
      properties: { name: { type: "string" }, n: { default: 3 } },
      required: ["name"],
    });
    for (const absent of [
      "lock",
      "envs",
      "tag",
      "parent_hashes",
      "lock_error_logs",
      "draft_only",
      "modules",
      "lock_job",
    ])
      expect(script).not.toHaveProperty(absent);
    expect(pushed).toMatchObject([
      { workspace: "w", path: "u/alice/a", hash, language: "bun", member: { username: "alice" } },
    ]);
    expect(await json(`scripts/deployment_status/h/${hash}`)).toEqual({
      job_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(await db.query(sql`select username, operation, action_kind, resource from audit`)).toEqual([
      { username: "alice", operation: "scripts.create", action_kind: "Created", resource: "u/alice/a" },
    ]);
  });

  test("a lock that is given is kept, even an empty one, and languages without one need none", async () => {
    await create({ path: "u/alice/a", content: main, language: "bun", lock: "" });
    await create({ path: "u/alice/b", content: main, language: "bun", lock: "{}\n//bun.lock\n" });
    await create({ path: "u/alice/c", content: main, language: "bun", lock: ["x", "y"] });
    await create({ path: "u/alice/d" });
    const locks = ["a", "b", "c", "d"].map(async (name) => (await json(`scripts/get/p/u/alice/${name}`))["lock"]);
    expect(await Promise.all(locks)).toEqual(["", "{}\n//bun.lock\n", "x\ny", ""]);
    expect(pushed).toEqual([]);
  });

  test("a schema that is sent comes back as it was written", async () => {
    const schema = '{"z":1,"properties":{"b":{"default":12345678901234567890},"a":{"default":1.0}},"$schema":"x"}';
    const body = `{"path":"u/alice/v","summary":"","content":"echo","language":"bash","schema":${schema},"lock":""}`;
    expect((await call("scripts/create", { body })).status).toBe(201);
    expect(await (await call("scripts/get/p/u/alice/v")).text()).toContain(`"schema":${schema}`);
  });

  test("a new version keeps what people wrote about its arguments", async () => {
    const schema = { type: "object", properties: { name: { type: "string", description: "who" } }, required: [] };
    const first = await create({ path: "u/alice/a", content: main, language: "bun", schema, lock: "" });
    await create({
      path: "u/alice/a",
      content: main.replace("n = 3", "n = 4"),
      language: "bun",
      parent_hash: first,
      lock: "",
    });
    const script = await json("scripts/get/p/u/alice/a");
    expect(script).toMatchObject({
      parent_hashes: [first],
      schema: { properties: { name: { description: "who" }, n: { default: 4 } } },
    });
    expect((await json(`scripts/get/h/${first}`))["archived"]).toBe(true);
  });

  test("an existing path needs its parent, and only the newest version can be one", async () => {
    const first = await create({});
    expect(await said("scripts/create", { body: bash })).toEqual([
      400,
      `Path conflict for u/alice/sh with non-archived hash ${first}`,
    ]);
    const second = await create({ content: "echo 2", parent_hash: first });
    const [status, text] = await said("scripts/create", { body: { ...bash, content: "echo 3", parent_hash: first } });
    expect(status).toBe(400);
    expect(text).toContain(second);
    expect((await said("scripts/create", { body: { ...bash, parent_hash: "0000000000000000" } }))[0]).toBe(400);
  });

  test("auto_parent takes the newest version whatever parent was named", async () => {
    const first = await create({});
    const second = await create({ content: "echo 2", parent_hash: first });
    await create({ content: "echo 3", parent_hash: first, auto_parent: true });
    expect((await json("scripts/get/p/u/alice/sh"))["parent_hashes"]).toEqual([second, first]);
    await create({ path: "u/alice/fresh", parent_hash: "ffffffffffffffff", auto_parent: true });
  });

  test("skip_if_noop answers the present version when nothing changes", async () => {
    const body = {
      ...bash,
      path: "u/alice/a",
      content: main,
      language: "bun",
      lock: "l",
      tag: "x",
      ws_error_handler_muted: false,
    };
    const send = (changes: Record<string, unknown>): Promise<[number, string]> =>
      said("scripts/create?skip_if_noop=true", { body: { ...body, auto_parent: true, ...changes } });
    const [, first] = await send({});
    expect(await send({})).toEqual([201, first]);
    expect(await send({ ws_error_handler_muted: null, has_preprocessor: false })).toEqual([201, first]);
    for (const change of [{ summary: "s" }, { tag: "y" }, { lock: "m" }, { content: `${main} ` }, { priority: 3 }]) {
      const [, before] = await send({});
      expect((await send(change))[1]).not.toBe(before);
      await send({});
    }
  });

  test("deploys of one path at the same moment line up instead of losing one", async () => {
    await create({});
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, n) =>
        said("scripts/create", { body: { ...bash, content: `echo ${n}`, auto_parent: true } }),
      ),
    );
    expect(answers.map(([status]) => status)).toEqual(Array(6).fill(201));
    expect((await json<unknown[]>("scripts/history/p/u/alice/sh")).length).toBe(7);
  });

  test("another path than the parent's moves the script with its history", async () => {
    const first = await create({});
    await create({ path: "f/shared/moved", parent_hash: first });
    expect(await json("scripts/exists/p/u/alice/sh")).toBe(false);
    expect(await json("scripts/exists/p/f/shared/moved")).toBe(true);
    expect(await json("scripts/history/p/f/shared/moved")).toMatchObject([
      {},
      { script_hash: first, created_by: "alice" },
    ]);
    await create({ path: "u/alice/second" });
    const [status] = await said("scripts/update/u/alice/second", { body: { ...bash, path: "f/shared/moved" } });
    expect(status).toBe(400);
    expect(await said("scripts/update/u/alice/second", { body: { ...bash, path: "u/alice/third" } })).toMatchObject([
      200,
      expect.stringMatching(/^\w{16}$/),
    ]);
  });

  test("announces the paths that changed", async () => {
    const heard: string[] = [];
    const stop = bus.subscribe("changed", (ids) => heard.push(...ids));
    const first = await create({});
    await create({ path: "u/alice/sh2", parent_hash: first });
    stop();
    expect(heard).toEqual(["script:w:u/alice/sh", "script:w:u/alice/sh2", "script:w:u/alice/sh"]);
  });

  test("runs as the deployer unless an admin keeps another identity", async () => {
    await create({ path: "f/shared/a", on_behalf_of_email: "bob@example.com", preserve_on_behalf_of: true });
    expect(await json("scripts/get/p/f/shared/a")).toMatchObject({
      on_behalf_of: "u/alice",
      on_behalf_of_email: "alice@example.com",
    });
    await create({ path: "f/shared/b", on_behalf_of_email: "bob@example.com", preserve_on_behalf_of: true }, "admin");
    expect(await json("scripts/get/p/f/shared/b")).toMatchObject({
      on_behalf_of: "u/bob",
      on_behalf_of_email: "bob@example.com",
    });
    const nobody = {
      ...bash,
      path: "f/shared/c",
      on_behalf_of: "u/bob",
      on_behalf_of_email: "alice@example.com",
      preserve_on_behalf_of: true,
    };
    expect((await said("scripts/create", { as: "admin", body: nobody }))[0]).toBe(400);
  });

  test("native TypeScript and its kind are told from the code", async () => {
    await create({ path: "u/alice/n", content: `//native\n${main}`, language: "bun", lock: "" });
    await create({ path: "u/alice/lib", content: "export const x = 1", language: "bun", lock: "" });
    expect((await json("scripts/get/p/u/alice/n"))["language"]).toBe("bunnative");
    expect((await json("scripts/get/p/u/alice/lib"))["auto_kind"]).toBe("lib");
    expect((await json<unknown[]>("scripts/list")).length).toBe(1);
    expect((await json<unknown[]>("scripts/list?include_without_main=true")).length).toBe(2);
  });
});

describe("permission", () => {
  test("is by path for reading and writing, and a refusal looks like a miss", async () => {
    const own = await create({});
    await create({ path: "f/shared/s" });
    const miss = await said("scripts/get/p/u/alice/nothing", { as: "bob" });
    expect(miss).toEqual([404, "Script not found at name u/alice/nothing"]);
    expect(await said("scripts/get/p/u/alice/sh", { as: "bob" })).toEqual([404, "Script not found at name u/alice/sh"]);
    expect(await said(`scripts/get/h/${own}`, { as: "bob" })).toEqual([404, `Script not found at name ${own}`]);
    expect((await said(`scripts/raw/h/${own}.sh`, { as: "bob" }))[0]).toBe(404);
    expect((await said("scripts/archive/p/u/alice/sh", { as: "bob", method: "POST" }))[0]).toBe(404);
    expect((await said("scripts/get/p/f/shared/s", { as: "bob" }))[0]).toBe(200);
    expect((await said("scripts/archive/p/f/shared/s", { as: "bob", method: "POST" }))[0]).toBe(403);
    expect((await said("scripts/create", { as: "bob", body: { ...bash, path: "f/shared/new" } }))[0]).toBe(403);
    expect(
      (await said("scripts/create", { as: "bob", body: { ...bash, path: "f/shared/s", auto_parent: true } }))[0],
    ).toBe(403);
    expect(
      (await said("scripts/create", { as: "bob", body: { ...bash, path: "u/bob/stolen", parent_hash: own } }))[0],
    ).toBe(404);
    expect((await said("scripts/get/p/f/shared/s", { as: "eve" }))[0]).toBe(403);
    expect((await said("scripts/get/p/f/shared/s", { as: "nobody" }))[0]).toBe(401);
    expect((await said("scripts/get/p/u/alice/sh", { as: "admin" }))[0]).toBe(200);
  });

  test("of operators ends at reading", async () => {
    await create({ path: "f/shared/s" });
    expect((await said("scripts/get/p/f/shared/s", { as: "olga" }))[0]).toBe(200);
    expect((await said("scripts/create", { as: "olga", body: { ...bash, path: "u/olga/s" } }))[0]).toBe(403);
    expect((await said("scripts/archive/p/f/shared/s", { as: "olga", method: "POST" }))[0]).toBe(403);
  });

  test("to delete for good is an admin's", async () => {
    const hash = await create({});
    expect((await said("scripts/delete/p/u/alice/sh", { method: "POST" }))[0]).toBe(403);
    const erased = await json(`scripts/delete/h/${hash}`, { as: "admin", method: "POST" });
    expect(erased).toMatchObject({ hash, content: "", deleted: true });
    await create({});
    expect(await said("scripts/delete/p/u/alice/sh", { as: "admin", method: "POST" })).toEqual([200, '"u/alice/sh"']);
    expect(await json("scripts/exists/p/u/alice/sh")).toBe(false);
    await create({});
    expect(
      await json("scripts/delete_bulk", { as: "admin", method: "DELETE", body: { paths: ["u/alice/sh"] } }),
    ).toEqual(["u/alice/sh"]);
    expect(
      (await said("scripts/delete_bulk", { as: "admin", method: "DELETE", body: { paths: ["u/alice/sh"] } }))[0],
    ).toBe(404);
  });

  test("of a token narrowed to paths is narrowed", async () => {
    await create({});
    await create({ path: "f/shared/s" });
    await addToken("alice", "narrow", ["scripts:read:f/shared/*"]);
    expect((await said("scripts/get/p/f/shared/s", { as: "narrow" }))[0]).toBe(200);
    expect((await said("scripts/get/p/u/alice/sh", { as: "narrow" }))[0]).toBe(403);
    expect((await said("scripts/create", { as: "narrow", body: bash }))[0]).toBe(403);
  });
});

describe("reading", () => {
  test("code as text, with and without the language's extension", async () => {
    const hash = await create({ path: "u/alice/a", content: main, language: "bun", lock: "" });
    for (const path of [
      "raw/p/u/alice/a",
      "raw/p/u/alice/a.ts",
      "raw_unpinned/p/u/alice/a.ts",
      `raw/h/${hash}.ts`,
      `raw/h/${hash}`,
    ]) {
      const response = await call(`scripts/${path}`);
      expect([path, response.headers.get("content-type"), await response.text()]).toEqual([
        path,
        "text/plain; charset=utf-8",
        main,
      ]);
    }
    expect(await said("../../scripts_u/tokened_raw/w/alice/u/alice/a.ts", { as: "" })).toEqual([200, main]);
    expect((await said("../../scripts_u/tokened_raw/w/bob/u/alice/a.ts", { as: "" }))[0]).toBe(404);
    expect((await said("../../scripts_u/tokened_raw/w/wrong/u/alice/a.ts", { as: "" }))[0]).toBe(404);
  });

  test("history, latest version and deployment messages", async () => {
    const first = await create({ deployment_message: "one" });
    const second = await create({ content: "echo 2", parent_hash: first });
    expect(
      (await said(`scripts/history_update/h/${second}/p/u/alice/sh`, { body: { deployment_msg: "two" } }))[0],
    ).toBe(200);
    expect(await json("scripts/history/p/u/alice/sh")).toMatchObject([
      { script_hash: second, deployment_msg: "two" },
      { script_hash: first, deployment_msg: "one" },
    ]);
    expect(await json("scripts/get_latest_version/u/alice/sh")).toMatchObject({ script_hash: second });
    const other = await create({ path: "u/alice/other" });
    expect((await said(`scripts/history_update/h/${other}/p/u/alice/sh`, { body: { deployment_msg: "x" } }))[0]).toBe(
      404,
    );
  });

  test("an archived script is shown as archived, exists no longer, and comes back by a deployment", async () => {
    const hash = await create({});
    expect(await said("scripts/archive/p/u/alice/sh", { method: "POST" })).toEqual([200, hash]);
    expect(await json("scripts/exists/p/u/alice/sh")).toBe(false);
    expect((await json("scripts/get/p/u/alice/sh"))["archived"]).toBe(true);
    expect((await said("scripts/raw/p/u/alice/sh"))[0]).toBe(404);
    expect((await said("scripts/archive/p/u/alice/sh", { method: "POST" }))[0]).toBe(404);
    await create({ parent_hash: hash, auto_parent: true });
    expect(await json("scripts/get/p/u/alice/sh")).toMatchObject({ archived: false, parent_hashes: [hash] });
  });

  test("webhook tokens of a script are counted and listed", async () => {
    await create({});
    await addToken("alice", "webhook-token", ["jobs:run:scripts:u/alice/sh"]);
    expect(await json("scripts/get_triggers_count/u/alice/sh")).toMatchObject({ webhook_count: 1 });
    expect(await json("scripts/list_tokens/u/alice/sh")).toMatchObject([
      { token_prefix: "webhook-to", scopes: ["jobs:run:scripts:u/alice/sh"] },
    ]);
  });

  test("the error handler can be muted", async () => {
    await create({});
    await said("scripts/toggle_workspace_error_handler/p/u/alice/sh", { body: { muted: true } });
    expect((await json("scripts/get/p/u/alice/sh"))["ws_error_handler_muted"]).toBe(true);
  });
});

describe("code that is not deployed", () => {
  test("is kept by its hash and compared with what is deployed", async () => {
    await create({});
    const [status, hash] = await said("scripts/raw_temp/store", { body: '"echo hi"' });
    expect([status, hash]).toEqual([200, expect.stringMatching(/^[0-9a-f]{64}$/)]);
    expect(await said("scripts/raw_temp/store", { body: '"echo hi"' })).toEqual([200, hash]);
    const scripts = { "u/alice/sh": hash, "u/alice/new": hash };
    expect(await json("scripts/raw_temp/diff", { body: { scripts, workspace_deps: [] } })).toEqual(["u/alice/new"]);
    expect(await json("scripts/raw_temp/diff", { as: "bob", body: { scripts } })).toEqual([
      "u/alice/sh",
      "u/alice/new",
    ]);
  });
});

describe("hostile input", () => {
  test.each([
    ["a path that climbs", { path: "u/alice/../../etc" }],
    ["a path of the wrong form", { path: "alice" }],
    ["an absolute path", { path: "/u/alice/x" }],
    ["a path too long", { path: `u/alice/${"x".repeat(300)}` }],
    ["a NUL in the code", { content: "a\u0000b" }],
    ["a NUL in an option", { envs: ["A=\u0000"] }],
    ["half a surrogate pair in an option", { tag: "\ud800" }],
    ["an unknown language", { language: "cobol" }],
    ["a wrong type", { content: 5 }],
    ["a wrong option", { timeout: "long" }],
    ["a schema that is none", { schema: [1] }],
  ])("%s is refused as 400", async (_name, change) => {
    const [status, text] = await said("scripts/create", { body: { ...bash, ...change } });
    expect(status).toBe(400);
    expect(text.length).toBeLessThan(600);
  });

  test("SQL in a path or hash is only text", async () => {
    expect((await said(`scripts/get/p/${encodeURIComponent("u/alice/x' or '1'='1")}`))[0]).toBe(404);
    expect((await said(`scripts/get/h/${encodeURIComponent("';drop table script;--")}`))[0]).toBe(404);
    expect((await said("scripts/get/p/u/alice/%00"))[0]).toBe(400);
  });

  test("a script of a megabyte is kept whole", async () => {
    const content = `# ${"x".repeat(1_000_000)}\necho`;
    await create({ content });
    expect((await json("scripts/get/p/u/alice/sh"))["content"]).toBe(content);
  });
});
