import { sql } from "@towermill/store";
import { testClock, testDatabase, whenDone } from "@towermill/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { startInstance } from "../identity/instance.test-support.ts";

const { db, url } = await testDatabase();
const instance = await startInstance({ db, url, clock: testClock(new Date()) });
whenDone(() => instance.close());
const { call, admin, account } = instance;

let user = "";
let devops = "";
beforeAll(async () => {
  user = await account("user@x.org", { workspace: "admins" });
  devops = await account("ops@x.org");
  await call("POST /users/update/ops@x.org", { token: admin, body: { is_devops: true } });
});

const setting = (key: string, token: string) => call(`GET /settings/global/${key}`, { token });

describe("instance settings", () => {
  test("are null when unset; whether usernames are automated everybody may ask", async () => {
    const answer = await setting("automate_username_creation", user);
    expect(answer).toMatchObject({ status: 200, text: "null" });
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect((await setting("smtp_settings", user)).status).toBe(403);
    expect((await setting("smtp_settings", devops)).text).toBe("null");
    expect((await setting("../etc/passwd".replaceAll("/", "%2F"), admin)).status).toBe(400);
    expect((await setting("automate_username_creation", "")).status).toBe(401);
  });

  test("are set by super admins only, kept as sent and removed by null", async () => {
    const set = (value: unknown, token = admin) => call("POST /settings/global/uid", { token, body: { value } });
    expect((await set("x", devops)).status).toBe(403);
    for (const value of [{ a: [1, null, "ä"] }, "text", 0, false, []]) {
      expect((await set(value)).status).toBe(200);
      expect((await setting("uid", admin)).json()).toEqual(value);
    }
    expect((await call("GET /settings/list_global", { token: admin })).json()).toEqual([{ name: "uid", value: [] }]);
    expect((await call("GET /settings/list_global", { token: devops })).status).toBe(403);
    await set(null);
    expect((await setting("uid", admin)).text).toBe("null");
    expect((await call("POST /settings/global/uid", { token: admin, body: '{"value":"\\u0000"}' })).status).toBe(400);
  });

  test("that the login page needs are public", async () => {
    expect((await call("GET /settings/instance_ui")).json()).toEqual({});
    await call("POST /settings/global/accent_color", { token: admin, body: { value: "#123456" } });
    expect((await call("GET /settings/instance_ui")).json()).toEqual({ accent_color: "#123456" });
    expect((await call("GET /min_keep_alive_version")).json()).toEqual({ worker: "0.0.0", agent: "0.0.0" });
    expect((await call("GET /settings/local", { token: admin })).json()).toEqual({ base_url: "https://tower.example" });
  });

  test("are read and written as one document", async () => {
    const document = { global_settings: { uid: "1" }, worker_configs: { gpu: { worker_tags: ["gpu"] } } };
    expect((await call("PUT /settings/instance_config", { token: admin, body: document })).status).toBe(200);
    expect((await call("GET /settings/instance_config", { token: admin })).json()).toMatchObject(document);
    await call("PUT /settings/instance_config", {
      token: admin,
      body: { global_settings: { uid: null }, worker_configs: { gpu: null } },
    });
    expect((await call("GET /settings/instance_config", { token: admin })).json()).toMatchObject({
      worker_configs: {},
    });
    expect((await call("GET /settings/instance_config", { token: user })).status).toBe(403);
  });
});

describe("worker groups", () => {
  const config = { worker_tags: ["bun"], env_vars_static: { KEY: "hush" } };

  test("are set by super admins; others see the tags without the environment", async () => {
    expect((await call("POST /configs/update/worker__default", { token: devops, body: config })).status).toBe(403);
    expect((await call("POST /configs/update/worker__default", { token: admin, body: config })).status).toBe(200);
    await call("POST /configs/update/alerts", { token: admin, body: { alerts: [] } });
    const groups = async (token: string) => (await call("GET /configs/list_worker_groups", { token })).json();
    expect(await groups(admin)).toEqual([{ name: "default", config }]);
    expect(await groups(devops)).toEqual([{ name: "default", config }]);
    expect(await groups(user)).toEqual([{ name: "default", config: { worker_tags: ["bun"] } }]);
    expect((await call("GET /configs/list", { token: devops })).json()).toHaveLength(2);
    expect((await call("GET /configs/list", { token: user })).status).toBe(403);
    expect((await call("GET /configs/get/worker__default", { token: admin })).json()).toEqual(config);
    expect((await call("GET /configs/get/none", { token: admin })).text).toBe("null");
    expect((await call("DELETE /configs/update/worker__default", { token: admin })).status).toBe(200);
    expect(await groups(admin)).toEqual([]);
  });

  test("are objects", async () => {
    for (const body of ["[]", "1", "null", "{", undefined]) {
      expect((await call("POST /configs/update/worker__x", { token: admin, body })).status).toBe(400);
    }
  });
});

test("the check of the instance key is no setting of anybody's", async () => {
  await db.execute(sql`insert into global_setting (name, value) values ('instance_key_check', '"c0ffee"')`);
  const body = { value: "other" };
  const set = await call("POST /settings/global/instance_key_check", { token: admin, body });
  expect([set.status, set.text]).toEqual([400, expect.stringContaining("cannot be set")]);
  const config = { global_settings: { instance_key_check: null } };
  expect((await call("PUT /settings/instance_config", { token: admin, body: config })).status).toBe(400);
  for (const path of ["list_global", "instance_config"])
    expect((await call(`GET /settings/${path}`, { token: admin })).text).not.toContain("instance_key_check");
  expect(await db.one(sql`select value from global_setting where name = 'instance_key_check'`)).toEqual({
    value: "c0ffee",
  });
});

describe("the audit log", () => {
  interface Entry {
    id: number;
    username: string;
    operation: string;
    workspace_id: string;
  }
  const list = async (query: string, token = admin) =>
    (await call(`GET /w/admins/audit/list?${query}`, { token })).json<Entry[]>();

  test("tells newest first what was done, filtered and in pages", async () => {
    await call("POST /w/admins/folders/create", { token: user, body: { name: "one" } });
    await call("POST /w/admins/groups/create", { token: admin, body: { name: "two" } });
    const operations = (await list("per_page=2")).map((entry) => entry.operation);
    expect(operations).toEqual(["group.create", "folder.create"]);
    expect((await list("per_page=1&page=2"))[0]?.operation).toBe("folder.create");
    expect(await list("operation=folder.create")).toHaveLength(1);
    expect((await list("operations=folder.create,group.create")).length).toBe(2);
    expect((await list("exclude_operations=folder.create")).every((entry) => entry.operation !== "folder.create")).toBe(
      true,
    );
    expect(await list("username=user&action_kind=Create&resource=one")).toHaveLength(1);
    expect(await list("before=2001-01-01T00:00:00Z")).toEqual([]);
    expect((await call("GET /w/admins/audit/list?after=never", { token: admin })).status).toBe(400);
  });

  test("shows members who are no admins their own entries, and nobody but the instance's readers other workspaces", async () => {
    const own = await list("", user);
    expect(own.map((entry) => entry.username)).toEqual(["user"]);
    const foreign = (await list("operation=group.create"))[0];
    expect((await call(`GET /w/admins/audit/get/${foreign?.id}`, { token: user })).status).toBe(404);
    expect((await call(`GET /w/admins/audit/get/${foreign?.id}`, { token: admin })).json()).toMatchObject({
      operation: "group.create",
    });
    expect((await call("GET /w/admins/audit/get/abc", { token: admin })).status).toBe(400);
    expect((await call("GET /w/admins/audit/list?all_workspaces=true", { token: user })).status).toBe(403);
    expect((await list("all_workspaces=true&per_page=1000")).some((entry) => entry.workspace_id === "global")).toBe(
      true,
    );
  });

  test("never holds a password", async () => {
    expect(JSON.stringify(await list("all_workspaces=true&per_page=1000"))).not.toMatch(/correct horse|hush/);
  });
});
