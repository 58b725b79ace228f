import { sql } from "@towermill/store";
import { beforeEach, describe, expect, test } from "vitest";
import { itemsWorld } from "../../test/world.ts";

const { db, call, said, json, app: server } = await itemsWorld();

const value = '{"grid":[{"id":"b","2":1,"1":2}],"big":12345678901234567890,"null":null,"text":"\\u0000"}';

interface App {
  id: number;
  path: string;
  value: unknown;
  versions: number[];
  policy: Record<string, unknown>;
  execution_mode: string;
  bundle_secret?: string;
}

async function create(fields: Record<string, unknown> = {}, as = "alice"): Promise<void> {
  const body = { path: "u/alice/app", summary: "mine", value: { grid: [] }, policy: {}, ...fields };
  expect(await said("apps/create", { as, body })).toEqual([201, body.path]);
}

function multipart(parts: Record<string, string>): FormData {
  const form = new FormData();
  for (const [name, text] of Object.entries(parts)) form.set(name, text);
  return form;
}

async function sendRaw(path: string, parts: Record<string, string>): Promise<[number, string]> {
  const response = await server.request(`http://localhost/api/w/w/${path}`, {
    method: "POST",
    headers: { authorization: "Bearer alice" },
    body: multipart(parts),
  });
  return [response.status, await response.text()];
}

beforeEach(async () => {
  for (const table of ["app", "draft", "favorite", "trash", "protection_rule"])
    await db.execute(sql`delete from ${sql.ident(table)}`);
});

describe("an app", () => {
  test("is kept and answered as it was sent, byte for byte", async () => {
    const body = `{"path":"u/alice/app","summary":"s","value":${value},"policy":{"z":1,"a":{"1":2}}}`;
    expect(await said("apps/create", { body })).toEqual([201, "u/alice/app"]);
    const text = await (await call("apps/get/p/u/alice/app")).text();
    expect(text).toContain(`"value":${value}`);
    expect(text).toContain('"policy":{"z":1,"a":{"1":2},"execution_mode":"publisher"');
    expect(JSON.parse(text)).toMatchObject({
      raw_app: false,
      execution_mode: "publisher",
      extra_perms: {},
      created_by: "alice",
    });
  });

  test("gets a version with each new value, and keeps what an update leaves out", async () => {
    await create();
    const first = await json<App>("apps/get/p/u/alice/app");
    const update = await json<{ path: string; version: number }>("apps/update/u/alice/app", {
      body: { value: { grid: [1] }, deployment_message: "second" },
    });
    expect(update).toEqual({ path: "u/alice/app", version: expect.any(Number) });
    await json("apps/update/u/alice/app", {
      body: { policy: { execution_mode: "viewer" }, preserve_on_behalf_of: true },
    });
    const app = await json<App>("apps/get/p/u/alice/app");
    expect(app).toMatchObject({
      summary: "mine",
      value: { grid: [1] },
      versions: [...first.versions, update.version],
      execution_mode: "viewer",
    });
    expect(await json("apps/history/p/u/alice/app")).toMatchObject([
      { version: update.version, deployment_msg: "second" },
      { version: first.versions[0] },
    ]);
    expect(await json(`apps/get/v/${first.versions[0]}`)).toMatchObject({ value: { grid: [] } });
    expect(await json("apps/get_latest_version/u/alice/app")).toMatchObject({ version: update.version });
    await said(`apps/history_update/a/${app.id}/v/${update.version}`, { body: { deployment_msg: "renamed" } });
    expect(await json("apps/get_latest_version/u/alice/app")).toMatchObject({ deployment_msg: "renamed" });
  });

  test("runs on behalf of whoever saved its policy, unless an admin keeps another", async () => {
    const foreign = { on_behalf_of: "u/bob", on_behalf_of_email: "bob@example.com" };
    await create({ policy: foreign, preserve_on_behalf_of: true });
    expect((await json<App>("apps/get/p/u/alice/app")).policy).toMatchObject({
      on_behalf_of: "u/alice",
      on_behalf_of_email: "alice@example.com",
    });
    await json("apps/update/u/alice/app", { as: "admin", body: { policy: foreign, preserve_on_behalf_of: true } });
    expect((await json<App>("apps/get/p/u/alice/app")).policy).toMatchObject(foreign);
    expect(
      await said("apps/update/u/alice/app", {
        as: "admin",
        body: { policy: { on_behalf_of: "u/nobody" }, preserve_on_behalf_of: true },
      }),
    ).toEqual([400, "policy.on_behalf_of: u/nobody is no member of w"]);
    expect((await said("apps/update/u/alice/app", { body: { policy: { execution_mode: "root" } } }))[0]).toBe(400);
  });

  test("is listed, found and moved; its old path is free again", async () => {
    await create();
    await create({ path: "f/shared/board", policy: { triggerables_v2: { "a:script/u/alice/x": {} } } });
    expect(await json("apps/list", { as: "bob" })).toMatchObject([
      { path: "f/shared/board", raw_app: false, execution_mode: "publisher" },
    ]);
    expect(await json("apps/list?path_start=u/alice")).toMatchObject([{ path: "u/alice/app" }]);
    expect(await json("apps/list_paths_from_workspace_runnable/script/u/alice/x")).toEqual(["f/shared/board"]);
    await json("apps/update/u/alice/app", { body: { path: "u/alice/moved" } });
    expect(await json("apps/exists/u/alice/app")).toBe(false);
    expect(await json("apps/exists/u/alice/moved")).toBe(true);
    expect(await said("apps/update/u/alice/moved", { body: { path: "f/shared/board" } })).toEqual([
      400,
      "App f/shared/board already exists",
    ]);
  });

  test("is hidden from those who may not read it, and cannot be changed by readers and operators", async () => {
    await create();
    await create({ path: "f/shared/board" });
    for (const path of ["get/p/u/alice/app", "history/p/u/alice/app", "get/lite/u/alice/app"])
      expect((await said(`apps/${path}`, { as: "bob" }))[0]).toBe(404);
    expect((await said("apps/update/f/shared/board", { as: "bob", body: { summary: "x" } }))[0]).toBe(403);
    expect((await said("apps/delete/f/shared/board", { as: "bob", method: "DELETE" }))[0]).toBe(403);
    expect((await said("apps/create", { as: "olga", body: { path: "u/olga/a", value: {} } }))[0]).toBe(403);
    expect((await said("apps/create", { body: { path: "u/bob/a", value: {} } }))[0]).toBe(403);
    expect((await said("apps/create", { body: { path: "../etc", value: {} } }))[0]).toBe(400);
  });

  test("has a custom path only by an admin, and only one app has it", async () => {
    expect((await said("apps/create", { body: { path: "u/alice/c", value: {}, custom_path: "shop" } }))[0]).toBe(403);
    await create({ custom_path: "shop" }, "admin");
    expect(await json("apps/custom_path_exists/shop")).toBe(true);
    expect(
      await said("apps/create", { as: "admin", body: { path: "u/alice/d", value: {}, custom_path: "shop" } }),
    ).toEqual([400, "custom_path: another app has it"]);
  });

  test("that runs for anybody can be forbidden", async () => {
    const rule = {
      name: "private",
      rules: ["RestrictAnonymousAppDeployment"],
      bypass_groups: [],
      bypass_users: ["admin"],
    };
    expect((await said("workspaces/protection_rules", { as: "admin", body: rule }))[0]).toBe(200);
    const open = { path: "u/alice/open", value: {}, policy: { execution_mode: "anonymous" } };
    expect((await said("apps/create", { body: open }))[0]).toBe(403);
    expect((await said("apps/create", { as: "admin", body: open }))[0]).toBe(201);
  });
});

describe("an app of one's own code", () => {
  const source = `{"path":"u/alice/raw","summary":"r","value":{"files":{"/index.tsx":"x"},"runnables":{}},"policy":{}}`;

  test("keeps its source verbatim and its bundle beside it, fetched by its secret", async () => {
    expect(await sendRaw("apps/create_raw", { app: source, js: "alert(1)", css: "b{}" })).toEqual([201, "u/alice/raw"]);
    const app = await json<App>("apps/get/p/u/alice/raw");
    expect(app).toMatchObject({ raw_app: true, value: { files: { "/index.tsx": "x" }, runnables: {} } });
    expect(await json("raw_apps/list")).toMatchObject([{ path: "u/alice/raw", raw_app: true }]);
    const secret = await (await call("apps/secret_of_latest_version/u/alice/raw")).text();
    expect(secret).toBe(app.bundle_secret);
    expect(await said(`apps/get_data/v/${secret}.js`)).toEqual([200, "alert(1)"]);
    expect(await said(`apps/get_data/v/${secret}.css`)).toEqual([200, "b{}"]);
    expect((await said(`apps/get_data/v/${secret}.js`, { as: "bob" }))[0]).toBe(404);
    expect((await said(`apps/get_data/v/${app.versions[0]}-${"0".repeat(40)}.js`))[0]).toBe(404);
    const [status, text] = await sendRaw("apps/update_raw/u/alice/raw", {
      app: '{"value":{"files":{}}}',
      js: "2",
      css: "",
    });
    expect([status, JSON.parse(text)]).toEqual([200, { path: "u/alice/raw", version: expect.any(Number) }]);
  });

  test("does not turn into one of components by accident", async () => {
    await sendRaw("apps/create_raw", { app: source });
    expect((await said("apps/update/u/alice/raw", { body: { value: {} } }))[0]).toBe(400);
    expect((await said("apps/update/u/alice/raw", { body: { value: {}, allow_kind_change: true } }))[0]).toBe(200);
  });

  test("names what is wrong with the parts it is sent", async () => {
    expect(await sendRaw("apps/create_raw", { js: "1" })).toEqual([400, "body.app: is missing"]);
    expect((await sendRaw("apps/create_raw", { app: "{" }))[0]).toBe(400);
    expect((await sendRaw("apps/create_raw", { app: '{"path":5}' }))[1]).toMatch(/body\.path/);
    expect((await said("apps/create_raw", { body: {} }))[1]).toMatch(/multipart/);
  });
});

test("a deleted app is restored from the trash with its versions", async () => {
  await create();
  await json("apps/update/u/alice/app", { body: { value: { grid: [2] } } });
  const before = await json<App>("apps/get/p/u/alice/app");
  expect((await said("apps/delete/u/alice/app", { method: "DELETE" }))[0]).toBe(200);
  expect((await said("apps/get/p/u/alice/app"))[0]).toBe(404);
  const [item] = await json<{ id: number }[]>("trash/list");
  expect(item).toMatchObject({ item_kind: "app", item_path: "u/alice/app", deleted_by: "alice" });
  expect(await json("trash/list", { as: "bob" })).toEqual([]);
  expect((await said(`trash/restore/${item?.id}`, { as: "bob", method: "POST" }))[0]).toBe(404);
  expect((await said(`trash/restore/${item?.id}`, { method: "POST" }))[0]).toBe(200);
  expect(await json("apps/get/p/u/alice/app")).toEqual(before);
  expect(await json("trash/list")).toEqual([]);
});
