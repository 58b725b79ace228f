import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { startInstance } from "../support/instance.ts";
import { deployScript } from "../support/script.ts";
import { treeOf } from "../support/tree.ts";
import { cliOf, officialCli } from "../support/wmill.ts";

/** The commands of the official CLI around a workspace that the other files of this folder do not run. */
const instance = await startInstance();
const cli = await cliOf(instance, "yard");
const limits = { timeout: 120_000 };

function write(name: string, text: string): string {
  mkdirSync(join(cli.folder, name, ".."), { recursive: true });
  writeFileSync(join(cli.folder, name), text);
  return name;
}
const file = (name: string): string => readFileSync(join(cli.folder, name), "utf8");
const send = (path: string, body: unknown): Promise<string> => instance.text("POST", `/w/yard/${path}`, { body });

describe("templates of items", limits, () => {
  test.each([
    ["variable", "u/admin/made", "u/admin/made.variable.yaml"],
    ["resource", "u/admin/made", "u/admin/made.resource.yaml"],
    ["schedule", "u/admin/made", "u/admin/made.schedule.yaml"],
    ["resource-type", "c_made", "c_made.resource-type.yaml"],
    ["folder", "made", "f/made/folder.meta.yaml"],
  ])("%s new writes a file that can be pushed", async (kind, path, name) => {
    await cli.ok(kind, "new", path);
    expect(existsSync(join(cli.folder, name))).toBe(true);
    if (kind === "schedule") {
      await deployScript(instance, { workspace: "yard", path: "u/admin/work", language: "bash", content: "echo\n" });
      write(name, file(name).replace(/script_path: .*/, "script_path: u/admin/work"));
    }
    if (kind === "resource") write(name, file(name).replace(/resource_type: .*/, "resource_type: c_made"));
    if (kind === "folder") await cli.ok(kind, "push", path);
    else await cli.ok(kind, "push", name, path);
    expect(await cli.ok(kind, "get", path)).toContain(path);
  });

  test("resource types are listed with their schemas", async () => {
    expect(await cli.ok("resource-type", "list")).toContain("c_made");
    expect(await cli.ok("resource-type", "list", "--schema")).toContain("postgresql");
  });
});

describe("folders", limits, () => {
  test("that files need are added, and the rules of one are shown", async () => {
    write("f/bare/note.resource.yaml", "value: {}\nresource_type: c_made\n");
    await cli.ok("folder", "add-missing", "--yes");
    expect(existsSync(join(cli.folder, "f/bare/folder.meta.yaml"))).toBe(true);
    const default_permissioned_as = [{ path_glob: "jobs/**", permissioned_as: "u/admin" }];
    await send("folders/create", { name: "ruled", default_permissioned_as });
    const rules = await cli.ok("folder", "show-rules", "ruled", "--test-path", "f/ruled/jobs/a");
    expect(rules).toMatch(/jobs\/\*\*[\s\S]*u\/admin/);
  });
});

test("what runs as somebody else is told so", limits, async () => {
  const body = { email: "ann@example.com", is_admin: true, operator: false, username: "ann" };
  await instance.text("POST", "/users/create", {
    body: { email: body.email, password: "a long password", super_admin: false },
  });
  await send("workspaces/add_user", body);
  await send("schedules/create", {
    path: "u/admin/often",
    schedule: "0 0 3 * * *",
    timezone: "UTC",
    script_path: "u/admin/work",
    is_flow: false,
    args: {},
    enabled: false,
  });
  await send("flows/create", { path: "u/admin/flow", summary: "", value: { modules: [] }, schema: {} });
  await send("apps/create", { path: "u/admin/app", summary: "", value: {}, policy: { execution_mode: "publisher" } });
  await send("http_triggers/create", {
    path: "u/admin/hook",
    script_path: "u/admin/work",
    is_flow: false,
    route_path: "hook",
    http_method: "post",
    authentication_method: "none",
    is_static_website: false,
  });
  for (const [kind, path] of [
    ["script", "u/admin/work"],
    ["flow", "u/admin/flow"],
    ["app", "u/admin/app"],
    ["schedule", "u/admin/often"],
    ["trigger", "u/admin/hook"],
  ] as const)
    await cli.ok(kind, "set-permissioned-as", path, body.email, ...(kind === "trigger" ? ["--kind", "http"] : []));
  const at = (path: string): Promise<unknown> => instance.json("GET", `/w/yard/${path}`);
  for (const path of ["scripts/get/p/u/admin/work", "flows/get/u/admin/flow"])
    expect(await at(path)).toMatchObject({ on_behalf_of_email: body.email });
  expect(await at("apps/get/p/u/admin/app")).toMatchObject({ policy: { on_behalf_of_email: body.email } });
  for (const path of ["schedules/get/u/admin/often", "http_triggers/get/u/admin/hook"])
    expect(await at(path)).toMatchObject({ permissioned_as: "u/ann" });
});

describe("an app of own code", limits, () => {
  test("is made, checked, described for agents and locked", async () => {
    await cli.ok(
      "app",
      "new",
      "--summary",
      "Board",
      "--path",
      "u/admin/board",
      "--framework",
      "react19",
      "--no-open-in-desktop",
    );
    const folder = ["u/admin/board.raw_app", "u/admin/board__raw_app"].find((name) =>
      existsSync(join(cli.folder, name)),
    );
    expect(folder).toBeDefined();
    await cli.ok("app", "generate-agents", folder ?? "");
    expect(await cli.ok("app", "generate-locks", "--yes")).toContain("board");
    expect(await cli.json("app", "list")).toEqual(expect.any(Array));
  });
});

test("Slack is connected by a token, to the workspace and the instance, and forgotten again", limits, async () => {
  const team = ["--bot-token", "xoxb-very-secret", "--team-id", "T1", "--team-name", "Team"];
  await cli.ok("workspace", "connect-slack", ...team);
  const settings = (): Promise<unknown> => instance.json("GET", "/w/yard/workspaces/get_settings");
  expect(await settings()).toMatchObject({ slack_team_id: "T1", slack_name: "Team" });
  const bot = "/w/yard/resources/get_value_interpolated/f/slack_bot/bot_token";
  expect(await instance.json("GET", bot)).toEqual({ token: "xoxb-very-secret" });
  expect(await cli.ok("workspace", "disconnect-slack")).toContain("Slack disconnected");
  expect(await settings()).not.toHaveProperty("slack_team_id");
  await cli.ok("instance", "add", "here", `${instance.url}/`, instance.token);
  await cli.ok("instance", "connect-slack", ...team, "--instance", "here");
  const kept = await instance.text("GET", "/settings/global/slack");
  expect(JSON.parse(kept)).toMatchObject({ team_id: "T1", team_name: "Team" });
  expect(kept).not.toContain("xoxb");
});

describe("an instance", limits, () => {
  test("is switched to, pulled with its workspaces, and pushed without a change", async () => {
    // the command line keeps one profile for each workspace of a server, and makes one here for each there is
    const fresh = officialCli();
    await fresh.ok("instance", "add", "there", `${instance.url}/`, instance.token);
    await fresh.ok("instance", "switch", "there");
    expect(await fresh.ok("instance", "whoami")).toContain("admin@windmill.dev");
    const whole = ["--yes", "--instance", "there", "--include-workspaces"];
    await fresh.ok("instance", "pull", ...whole);
    const pulled = treeOf(fresh.folder);
    expect(Object.keys(pulled)).toEqual(
      expect.arrayContaining(["instance_users.yaml", "instance_settings.yaml", "there_yard/settings.yaml"]),
    );
    expect(JSON.stringify(pulled)).not.toContain("instance_key_check");
    expect(await fresh.ok("instance", "push", ...whole)).toContain("No instance-level changes to apply");
    await fresh.ok("instance", "pull", ...whole);
    expect(treeOf(fresh.folder)).toEqual(pulled);
  });

  test("has worker groups that are pulled and pushed", async () => {
    await instance.text("POST", "/configs/update/worker__gpu", { body: { worker_tags: ["gpu"] } });
    await cli.ok("worker-groups", "pull", "--yes");
    const name = ["instance_configs.yaml", "worker-groups.yaml", "wmill.worker-groups.yaml"].find((found) =>
      existsSync(join(cli.folder, found)),
    );
    expect(file(name ?? "")).toContain("gpu");
    write(name ?? "", file(name ?? "").replace("- gpu", "- tpu"));
    await cli.ok("worker-groups", "push", "--yes");
    expect(await instance.json("GET", "/configs/list_worker_groups")).toContainEqual(
      expect.objectContaining({ name: "gpu", config: { worker_tags: ["tpu"] } }),
    );
  });
});

describe("git", limits, () => {
  const everyFile = "defaultTs: bun\nincludes:\n  - '**'\nexcludes: []\n";

  test("is told apart from deploying: status, settings both ways", async () => {
    execFileSync("git", ["init", "--quiet", "--initial-branch=main"], { cwd: cli.folder });
    write("wmill.yaml", everyFile);
    const status = await cli.ok("gitsync-settings", "status", "--json-output");
    expect(status).toMatch(/"configured": false,\s+"deploy_on_push": false/);
  });

  test("keeps its settings in the workspace, pushed from files and pulled into them", async () => {
    const settings = {
      include_path: ["f/**"],
      include_type: ["script", "flow"],
      exclude_path: [],
      extra_include_path: [],
    };
    const git_sync_settings = {
      repositories: [{ git_repo_resource_path: "$res:u/admin/made", script_path: "hub/1/sync", settings }],
    };
    await send("workspaces/edit_git_sync_config", { git_sync_settings });
    expect(await cli.ok("gitsync-settings", "status", "--json-output")).toMatch(/"configured": true/);
    await cli.ok("gitsync-settings", "push", "--yes");
    const kept = (): Promise<{ git_sync: typeof git_sync_settings }> =>
      instance.json("GET", "/w/yard/workspaces/get_settings");
    expect((await kept()).git_sync.repositories[0]?.settings.include_path).toEqual(["**"]);
    await send("workspaces/edit_git_sync_config", { git_sync_settings });
    await cli.ok("gitsync-settings", "pull", "--replace", "--yes");
    expect(file("wmill.yaml")).toContain("f/**");
    write("wmill.yaml", everyFile);
  });

  test("binds workspaces to branches", async () => {
    await cli.ok("workspace", "bind", "--workspace", "yard", "--branch", "main");
    expect(file("wmill.yaml")).toMatch(/workspaces:[\s\S]*yard/);
    await cli.ok("workspace", "unbind", "--workspace", "yard");
  });
});

test("workers are listed with how busy they are", limits, async () => {
  const workers = await vi.waitFor(
    async () => {
      const found = await instance.json<{ occupancy_rate?: number }[]>("GET", "/workers/list");
      expect(found[0]?.occupancy_rate).toEqual(expect.any(Number));
      return cli.ok("workers");
    },
    { timeout: 20_000, interval: 200 },
  );
  expect(workers).toMatch(/\d+%/);
});

test("an entry of the audit log is shown", limits, async () => {
  const [entry] = await cli.json<{ id: number; operation: string }[]>("audit", "list");
  expect(await cli.json("audit", "get", String(entry?.id))).toMatchObject({
    id: entry?.id,
    operation: entry?.operation,
  });
});

test("a token is made of the login in use", limits, async () => {
  const [, token = ""] = /Token: (\S+)/.exec(await cli.ok("user", "create-token")) ?? [];
  expect(await instance.text("GET", "/users/email", { token })).toBe("admin@windmill.dev");
});

describe("data tables", limits, () => {
  test("are registered and listed, and their migrations travel as files", async () => {
    await cli.ok("datatable", "create", "main", "--resource", "u/admin/made");
    expect(await cli.ok("datatable", "list")).toContain("main");
    await cli.ok("datatable", "migrate", "new", "begin");
    await cli.ok("sync", "push", "--yes");
    const kept = await instance.json<{ name: string }[]>("GET", "/w/yard/workspaces/list_datatable_migrations");
    expect(kept).toMatchObject([{ datatable: "main", name: "begin" }]);
    expect(await cli.ok("sync", "push", "--dry-run")).toMatch(/0 changes to apply/);
  });
});
