import { describe, expect, test } from "vitest";
import { startInstance } from "./support/instance.ts";
import {
  allowBundles,
  changesToPush,
  everything,
  exampleFolder,
  treeOf,
  workspaceFolder,
  writeTo,
} from "./support/tree.ts";

const instance = await startInstance();

/** Members, a group, permissions and settings, which the example cannot know. */
async function furnish(workspace: string): Promise<void> {
  const post = (path: string, body: unknown) => instance.text("POST", `/w/${workspace}/${path}`, { body });
  for (const name of ["bob", "eve"])
    await post("workspaces/add_user", {
      email: `${name}@example.com`,
      is_admin: false,
      operator: false,
      username: name,
    });
  await post("groups/create", { name: "keepers", summary: "Keepers of the shop" });
  await post("groups/adduser/keepers", { username: "bob" });
  const eve = { owner: "u/eve", write: false };
  for (const item of ["script/f/shop/hello", "app/f/shop/board", "raw_app/f/shop/panel", "variable/f/shop/greeting"])
    await post(`acls/add/${item}`, eve);
  for (const item of ["resource/f/shop/database", "schedule/f/shop/nightly", "http_trigger/f/shop/on_http"])
    await post(`acls/add/${item}`, eve);
  const handler = { path: "script/f/shop/hello", extra_args: { channel: 1 }, muted_on_cancel: true };
  await post("workspaces/edit_error_handler", { ...handler, muted_on_user_path: false });
  await post("workspaces/edit_webhook", { webhook: "https://hooks.example/shop" });
  await post("workspaces/edit_default_app", { default_app_path: "f/shop/board" });
  await post("workspaces/change_workspace_color", { color: "#336699" });
  await post("workspaces/edit_auto_invite", { operator: false, invite_all: true, auto_add: true });
}

for (const name of ["bob", "eve"]) {
  const body = { email: `${name}@example.com`, password: `the password of ${name}`, super_admin: false };
  await instance.text("POST", "/users/create", { body });
}
const first = await exampleFolder(instance, "first");
await first.ok("sync", "push", "--yes", "--plain-secrets");
await furnish("first");

async function pulled(workspace: string, ...flags: string[]): Promise<Record<string, string>> {
  const cli = await workspaceFolder(instance, workspace);
  await cli.ok("sync", "pull", "--yes", ...flags);
  return treeOf(cli.folder);
}

describe("with users, groups, settings and the key, a workspace", { timeout: 120_000 }, () => {
  test.each([
    ["with its secrets in plain text", "second", [...everything, "--plain-secrets"]],
    ["with its secrets encrypted", "third", everything],
  ])("moves into an empty one %s", async (_, target, flags) => {
    const source = await workspaceFolder(instance, "first");
    await source.ok("sync", "pull", "--yes", ...flags);
    expect(await changesToPush(source, ...flags)).toBe("0");
    const tree = treeOf(source.folder);
    expect(Object.keys(tree)).toEqual(
      expect.arrayContaining([
        "encryption_key.yaml",
        "settings.yaml",
        "groups/keepers.group.yaml",
        "users/bob@example.com.user.yaml",
      ]),
    );
    await workspaceFolder(instance, target);
    await source.ok("workspace", "add", target, target, `${instance.url}/`, "--token", instance.token);
    allowBundles(source.folder);
    await source.ok("sync", "push", "--yes", ...flags, "--workspace", target);
    expect(await pulled(target, ...flags)).toEqual(tree);
    expect(await changesToPush(source, ...flags, "--workspace", target)).toBe("0");
    const secret = await instance.json("GET", `/w/${target}/variables/get_value/f/shop/key`);
    expect(secret).toBe("not-a-real-password");
  });

  test("is the same again after its people, settings and permissions were edited", async () => {
    const flags = [...everything, "--plain-secrets"];
    const source = await workspaceFolder(instance, "first");
    await source.ok("sync", "pull", "--yes", ...flags);
    allowBundles(source.folder);
    const edits: Record<string, [string, string]> = {
      "groups/keepers.group.yaml": ["- u/bob", "- u/eve"],
      "users/bob@example.com.user.yaml": ["role: developer", "role: operator"],
      "settings.yaml": ["#336699", "#993366"],
      "f/shop/folder.meta.yaml": ["g/keepers: false", "g/keepers: true"],
      "f/shop/hello.script.yaml": ["u/eve: false", "u/eve: true"],
      "f/shop/board.app/app.yaml": ["u/eve: false", "u/eve: true"],
      "f/shop/database.resource.yaml": ["u/eve: false", "u/eve: true"],
      "f/shop/nightly.schedule.yaml": ["u/eve: false", "u/eve: true"],
    };
    const before = treeOf(source.folder);
    const after = Object.entries(edits).map(([name, [from, to]]): [string, string] => {
      expect([name, before[name]]).toEqual([name, expect.stringContaining(from)]);
      return [name, (before[name] ?? "").replace(from, to)];
    });
    writeTo(source.folder, Object.fromEntries(after));
    const edited = treeOf(source.folder);
    await source.ok("sync", "push", "--yes", ...flags);
    expect(await changesToPush(source, ...flags)).toBe("0");
    expect(await pulled("first", ...flags)).toEqual(edited);
    writeTo(source.folder, before);
    await source.ok("sync", "push", "--yes", ...flags);
    expect(await pulled("first", ...flags)).toEqual(before);
  });

  test("shows its secrets only when plain text was asked for", async () => {
    const tree = JSON.stringify(await pulled("first"));
    expect(tree).not.toContain("not-a-real-password");
    expect(JSON.stringify(await pulled("first", "--plain-secrets"))).toContain("not-a-real-password");
    expect(JSON.stringify(await pulled("first", "--skip-secrets"))).not.toContain("f/shop/key.variable.yaml");
  });
});

async function tokenOf(who: { label: string; scopes?: string[]; workspace_id?: string }, token = instance.token) {
  return instance.text("POST", "/users/tokens/create", { body: who, token });
}

describe("a token", { timeout: 120_000 }, () => {
  test("of one workspace pulls and pushes it", async () => {
    const token = await tokenOf({ label: "sync", workspace_id: "first" });
    const cli = await workspaceFolder(instance, "first", token);
    await cli.ok("sync", "pull", "--yes", "--plain-secrets");
    expect(treeOf(cli.folder)).toEqual(await pulled("first", "--plain-secrets"));
    expect(await changesToPush(cli, "--plain-secrets")).toBe("0");
    const greeting = "f/shop/greeting.variable.yaml";
    writeTo(cli.folder, { [greeting]: (treeOf(cli.folder)[greeting] ?? "").replace("hello", "welcome") });
    await cli.ok("sync", "push", "--yes", "--plain-secrets");
    expect(await instance.json("GET", "/w/first/variables/get_value/f/shop/greeting")).toBe("welcome");
  });

  test("of somebody who is no admin pulls what they may read and nothing else", async () => {
    const login = { email: "eve@example.com", password: "the password of eve" };
    const eve = await instance.text("POST", "/auth/login", { body: login, token: "none" });
    const archive = (query: string, token = eve) =>
      instance.call("GET", `/w/first/workspaces/tarball?archive_type=tar&include_triggers=true&${query}`, { token });
    const text = await (await archive("plain_secret=true")).text();
    for (const seen of [
      "f/shop/hello.ts",
      "f/shop/board.app.json",
      "f/shop/greeting.variable.json",
      "f/shop/on_http.http_trigger.json",
    ])
      expect(text).toContain(seen);
    for (const hidden of [
      "f/shop/key.variable.json",
      "not-a-real-password",
      "f/shop/orders.pg.sql",
      "f/shop/on_kafka",
      "f/team",
    ])
      expect(text).not.toContain(hidden);
    for (const forAdmins of ["include_users", "include_settings", "include_key"])
      expect((await archive(`${forAdmins}=true`)).status).toBe(403);
    expect((await archive("", "none")).status).toBe(401);
    const narrow = await tokenOf({ label: "read", scopes: ["workspaces:read"] });
    expect((await archive("", narrow)).status).toBe(200);
    expect((await archive("plain_secret=true", narrow)).status).toBe(403);
    expect((await archive("include_key=true", narrow)).status).toBe(403);
    const other = await tokenOf({ label: "other", scopes: ["scripts:read"] });
    expect((await archive("", other)).status).toBe(403);
  });
});
