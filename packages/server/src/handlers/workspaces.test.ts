import { sql } from "@towermill/store";
import { testClock, testDatabase, whenDone } from "@towermill/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { startInstance } from "../identity/instance.test-support.ts";

const { db, url } = await testDatabase();
const instance = await startInstance({ db, url, clock: testClock(new Date()) });
whenDone(() => instance.close());
const { call, admin, account } = instance;

let lead = "";
let dev = "";
const create = (body: unknown, token = admin) => call("POST /workspaces/create", { token, body });
const at = (request: string, token: string, body?: unknown) =>
  call(request.replace(" /", " /w/team/"), { token, body });
const exists = async (id: string) => (await call("POST /workspaces/exists", { token: admin, body: { id } })).text;

beforeAll(async () => {
  await create({ id: "team", name: "Team", username: "admin", color: "#ff0000" });
  lead = await account("lead@x.org", { workspace: "team", is_admin: true });
  dev = await account("dev@x.org", { workspace: "team" });
});

describe("workspaces", () => {
  test("are made by super admins, with their maker as admin and the group all", async () => {
    expect((await create({ id: "fresh", name: "Fresh", username: "admin" })).status).toBe(201);
    expect((await call("GET /w/fresh/users/whoami", { token: admin })).json()).toMatchObject({
      username: "admin",
      is_admin: true,
    });
    expect((await call("GET /w/fresh/groups/listnames", { token: admin })).json()).toEqual(["all"]);
    expect((await create({ id: "fresh", name: "Again" })).status).toBe(400);
    expect((await create({ id: "mine", name: "Mine" }, dev)).status).toBe(403);
    for (const id of ["", "a b", "a/b", "../x", "-a", "a--b", "x".repeat(51), "é", null]) {
      expect([String(id), (await create({ id, name: "x" })).status]).toEqual([String(id), 400]);
    }
    expect((await create({ id: "nameless", name: "" })).status).toBe(400);
  });

  test("may be made by everybody when the instance says so", async () => {
    await call("POST /settings/global/create_workspace_require_superadmin", { token: admin, body: { value: false } });
    expect((await create({ id: "devs", name: "Devs" }, dev)).status).toBe(201);
    expect((await call("GET /w/devs/users/whoami", { token: dev })).json()).toMatchObject({ is_admin: true });
    await call("POST /settings/global/create_workspace_require_superadmin", { token: admin, body: { value: null } });
  });

  test("have a name and a colour that admins change", async () => {
    expect((await at("POST /workspaces/change_workspace_name", dev, { new_name: "x" })).status).toBe(403);
    await at("POST /workspaces/change_workspace_name", lead, { new_name: "The team" });
    await at("POST /workspaces/change_workspace_color", lead, { color: "#00ff00" });
    expect((await at("GET /workspaces/get_workspace_name", dev)).text).toBe("The team");
    const shown = (await at("GET /workspaces/get_as_superadmin", admin)).json();
    expect(shown).toMatchObject({ id: "team", name: "The team", color: "#00ff00", deleted: false });
    await at("POST /workspaces/change_workspace_color", lead, {});
    const all = (await call("GET /workspaces/list_as_superadmin?per_page=100", { token: admin })).json<
      { id: string; color?: string }[]
    >();
    expect(all.find((row) => row.id === "team")).not.toHaveProperty("color");
  });

  test("answer the small questions of the interface", async () => {
    expect((await at("GET /workspaces/is_premium", dev)).text).toBe("false");
    expect((await at("GET /workspaces/usage", dev)).text).toBe("0");
    expect((await at("GET /workspaces/used_triggers", dev)).json()).toMatchObject({
      http_routes_used: false,
      kafka_used: false,
    });
    await db.execute(sql`
      insert into variable (workspace_id, path, value, ws_specific)
      values ('team', 'u/dev/a', '', true), ('team', 'u/lead/b', '', true), ('team', 'u/dev/c', '', false)`);
    expect((await at("GET /workspaces/list_ws_specific", dev)).json()).toEqual([
      { item_kind: "variable", path: "u/dev/a" },
    ]);
  });

  test("take a new id with everything in them, once nothing runs", async () => {
    await create({ id: "before", name: "Before" });
    const member = await account("mover@x.org", { workspace: "before" });
    const bound = (await call("POST /users/tokens/create", { token: member, body: { workspace_id: "before" } })).text;
    const identity = { workspace: "before", email: "mover@x.org", username: "mover", isAdmin: false };
    await db.execute(sql`
      insert into job (id, workspace_id, kind, created_by, permissioned_as, email, identity, tag)
      values ('00000000-0000-7000-8000-000000000001', 'before', 'script', 'mover', 'u/mover', 'mover@x.org', ${sql.json(identity)}, 'bun')`);
    await db.execute(sql`
      insert into job_queue (id, workspace_id, tag, scheduled_for, running)
      values ('00000000-0000-7000-8000-000000000001', 'before', 'bun', now(), true)`);
    const rename = (token: string, id: string) =>
      call("POST /w/before/workspaces/change_workspace_id", { token, body: { new_id: id, new_name: "After" } });
    expect((await rename(admin, "after")).status).toBe(409);
    await db.execute(sql`update job_queue set running = false`);
    expect((await rename(member, "after")).status).toBe(403);
    expect((await rename(admin, "team")).status).toBe(400);
    expect((await rename(admin, "after")).status).toBe(200);
    expect([await exists("before"), await exists("after")]).toEqual(["false", "true"]);
    expect((await call("GET /w/after/users/whoami", { token: bound })).json()).toMatchObject({ username: "mover" });
    expect((await call("GET /w/before/users/whoami", { token: bound })).status).toBe(403);
    const job = await db.one<{ workspace_id: string; identity: string }>(sql`select workspace_id, identity from job`);
    expect(job.workspace_id).toBe("after");
    expect(JSON.parse(job.identity)).toEqual({ ...identity, workspace: "after" });
  });

  test("are deleted with everything in them by super admins, forks also by their owner", async () => {
    expect((await call("DELETE /workspaces/delete/after", { token: lead })).status).toBe(403);
    expect((await call("DELETE /workspaces/delete/after?only_delete_forks=true", { token: admin })).status).toBe(400);
    expect((await call("DELETE /workspaces/delete/after", { token: admin })).status).toBe(200);
    expect(await exists("after")).toBe("false");
    expect(await db.query(sql`select from job where workspace_id = 'after'`)).toEqual([]);
    expect((await call("DELETE /workspaces/delete/after", { token: admin })).status).toBe(404);
    await create({ id: "wm-fork-a", name: "Fork" });
    await db.execute(sql`update workspace set owner = 'dev@x.org' where id = 'wm-fork-a'`);
    expect((await call("DELETE /workspaces/delete/wm-fork-a", { token: lead })).status).toBe(403);
    expect((await call("DELETE /workspaces/delete/wm-fork-a", { token: dev })).status).toBe(200);
  });

  test("named admins stay as they are", async () => {
    expect((await call("DELETE /workspaces/delete/admins", { token: admin })).status).toBe(400);
    expect((await call("POST /w/admins/workspaces/archive", { token: admin })).status).toBe(400);
    expect(
      (await call("POST /w/admins/workspaces/change_workspace_id", { token: admin, body: { new_id: "a" } })).status,
    ).toBe(400);
  });
});

describe("settings", () => {
  const settings = async (token: string) =>
    (await at("GET /workspaces/get_settings", token)).json<Record<string, unknown>>();

  test("come back as they were sent, and unset ones are absent", async () => {
    expect(await settings(lead)).toEqual({ workspace_id: "team" });
    const edits: [string, unknown][] = [
      ["edit_webhook", { webhook: "https://hook.example/secret" }],
      [
        "edit_error_handler",
        { path: "script/f/a/b", extra_args: { b: 1, a: null }, muted_on_cancel: false, muted_on_user_path: true },
      ],
      ["edit_success_handler", { success_handler: "flow/f/a/c" }],
      ["edit_auto_invite", { operator: true, invite_all: true, auto_add: true }],
      ["edit_instance_groups", { groups: ["g"], roles: { g: "admin" } }],
      ["edit_copilot_config", { providers: { openai: { models: ["x"] } } }],
      ["edit_large_file_storage_config", { large_file_storage: { type: "S3Storage", s3_resource_path: "u/a/s3" } }],
      ["edit_datatable_config", { settings: { datatables: {} } }],
      ["edit_git_sync_config", { git_sync_settings: { repositories: [] } }],
      ["edit_default_app", { default_app_path: "f/a/app" }],
      ["edit_slack_command", { slack_command_script: "script/f/a/s" }],
      ["slack_oauth_config", { slack_oauth_client_id: "id", slack_oauth_client_secret: "hush" }],
      ["default_scripts", { order: ["bun"], hidden: [] }],
      ["operator_settings", { runs: true, schedules: false }],
      ["critical_alerts/mute", { mute_critical_alerts: true }],
      ["set_environment_variable", { name: "REGION", value: "eu" }],
    ];
    for (const [name, body] of edits) {
      expect([name, (await at(`POST /workspaces/${name}`, dev, body)).status]).toEqual([name, 403]);
      expect([name, (await at(`POST /workspaces/${name}`, lead, body)).status]).toEqual([name, 200]);
    }
    expect(await settings(lead)).toEqual({
      workspace_id: "team",
      webhook: "https://hook.example/secret",
      error_handler: {
        path: "script/f/a/b",
        extra_args: { b: 1, a: null },
        muted_on_cancel: false,
        muted_on_user_path: true,
      },
      success_handler: { path: "flow/f/a/c" },
      auto_invite: {
        enabled: true,
        domain: "*",
        operator: true,
        mode: "add",
        instance_groups: ["g"],
        instance_groups_roles: { g: "admin" },
      },
      ai_config: { providers: { openai: { models: ["x"] } } },
      large_file_storage: { type: "S3Storage", s3_resource_path: "u/a/s3" },
      datatable: { datatables: {} },
      git_sync: { repositories: [] },
      default_app: "f/a/app",
      slack_command_script: "script/f/a/s",
      slack_oauth_client_id: "id",
      slack_oauth_client_secret: "hush",
      default_scripts: { order: ["bun"], hidden: [] },
      operator_settings: { runs: true, schedules: false },
      mute_critical_alerts: true,
    });
    expect((await at("GET /workspaces/default_app", dev)).json()).toEqual({ default_app_path: "f/a/app" });
    expect((await at("GET /workspaces/default_scripts", dev)).json()).toEqual({ order: ["bun"], hidden: [] });
  });

  test("that are secret are for admins", async () => {
    const text = JSON.stringify(await settings(dev));
    expect(text).not.toMatch(/hush|hook\.example|openai|REGION/);
    expect((await at("GET /workspaces/get_public_settings", dev)).json()).toMatchObject({
      workspace_id: "team",
      mute_critical_alerts: true,
    });
  });

  test("are unset by leaving the value out", async () => {
    const unset: [string, unknown][] = [
      ["POST /workspaces/edit_webhook", {}],
      ["POST /workspaces/edit_error_handler", { muted_on_cancel: false }],
      ["POST /workspaces/edit_success_handler", {}],
      ["POST /workspaces/edit_auto_invite", {}],
      ["POST /workspaces/edit_copilot_config", {}],
      ["POST /workspaces/edit_large_file_storage_config", {}],
      ["POST /workspaces/edit_git_sync_config", {}],
      ["POST /workspaces/edit_default_app", { default_app_path: "" }],
      ["POST /workspaces/edit_slack_command", {}],
      ["DELETE /workspaces/slack_oauth_config", undefined],
      ["POST /workspaces/default_scripts", undefined],
      ["POST /workspaces/operator_settings", null],
      ["POST /workspaces/critical_alerts/mute", {}],
    ];
    for (const [request, body] of unset)
      expect([request, (await at(request, lead, body)).status]).toEqual([request, 200]);
    expect(await settings(lead)).toEqual({
      workspace_id: "team",
      auto_invite: { instance_groups: ["g"], instance_groups_roles: { g: "admin" } },
      datatable: { datatables: {} },
    });
  });

  test("refuse what the database cannot keep", async () => {
    expect(
      (await at("POST /workspaces/edit_git_sync_config", lead, '{"git_sync_settings":{"a":"\\u0000"}}')).status,
    ).toBe(400);
    expect(
      (await at("POST /workspaces/edit_git_sync_config", lead, '{"git_sync_settings":{"\\ud800":1}}')).status,
    ).toBe(400);
    expect(
      (await at("POST /workspaces/edit_error_handler", lead, '{"path":"a","extra_args":{"a":["\\u0000"]}}')).status,
    ).toBe(400);
    expect((await at("POST /workspaces/set_environment_variable", lead, { name: "A=B", value: "x" })).status).toBe(400);
    expect(
      (await at("POST /workspaces/edit_copilot_config", lead, { __proto__: 1, constructor: { prototype: 1 } })).status,
    ).toBe(200);
  });
});

test("what the settings hide from operators is closed to them at once, and open again at once", async () => {
  const op = await account("op@x.org", { workspace: "team", operator: true });
  const shown = async (): Promise<number[]> => [
    (await at("GET /groups/list", op)).status,
    (await at("GET /folders/list", op)).status,
    (await at("GET /groups/list", dev)).status,
  ];
  expect(await shown()).toEqual([200, 200, 200]);
  await at("POST /workspaces/operator_settings", lead, { groups: false, folders: true });
  expect(await shown()).toEqual([403, 200, 200]);
  expect((await at("GET /groups/list", op)).text).toContain("groups are not shown to operators of team");
  await at("POST /workspaces/operator_settings", lead, { groups: true });
  expect(await shown()).toEqual([200, 200, 200]);
});

describe("shared code of apps", () => {
  test("is absent until it is set, then counts its versions", async () => {
    expect((await at("GET /shared_ui/get", dev)).status).toBe(404);
    expect((await at("GET /shared_ui/version", dev)).json()).toEqual({ version: 0 });
    const files = { "lib/a.ts": "export const a = 'ä'", "b.css": "" };
    expect((await at("PUT /shared_ui", dev, { files })).status).toBe(403);
    expect((await at("PUT /shared_ui", lead, { files })).status).toBe(200);
    expect((await at("GET /shared_ui/get", dev)).json()).toMatchObject({ files, version: 1, edited_by: "lead" });
    await at("PUT /shared_ui", lead, { files: { "b.css": "x" } });
    expect((await at("GET /shared_ui/list", dev)).json()).toMatchObject({
      paths: ["b.css"],
      sizes: { "b.css": 1 },
      version: 2,
    });
  });

  test("cannot leave the folder it is written to", async () => {
    for (const name of ["../a", "/a", "a/../../b", "a\\..\\b", "", "a//b", ".", "a\u0000"]) {
      expect([name, (await at("PUT /shared_ui", lead, { files: { [name]: "x" } })).status]).toEqual([name, 400]);
    }
  });
});
