import { execFileSync } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startInstance } from "../support/instance.ts";
import { deployScript, runScript } from "../support/script.ts";
import { allowBundles, editExample, exampleFolder, treeOf, workspaceFolder } from "../support/tree.ts";
import { cliOf } from "../support/wmill.ts";

const instance = await startInstance();
const cli = await cliOf(instance, "base");
const git = (...args: string[]): string => execFileSync("git", args, { cwd: cli.folder, encoding: "utf8" });
const fork = "wm-fork-try";
const send = (workspace: string, path: string, body: unknown): Promise<string> =>
  instance.text("POST", `/w/${workspace}/${path}`, { body });

git("init", "--quiet", "--initial-branch=main");
git("-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "--quiet", "--allow-empty", "-m", "begin");
writeFileSync(
  join(cli.folder, "wmill.yaml"),
  `defaultTs: bun\nworkspaces:\n  base:\n    baseUrl: ${instance.url}/\n    workspaceId: base\n    gitBranch: main\n`,
);

describe("a fork by the command line", { timeout: 120_000 }, () => {
  test("is made from a git branch with everything the workspace holds, and listed", async () => {
    await deployScript(instance, { workspace: "base", path: "u/admin/greet", language: "bash", content: "echo one\n" });
    await send("base", "variables/create", {
      path: "u/admin/key",
      value: "hunter22",
      is_secret: true,
      description: "",
    });
    await send("base", "folders/create", { name: "shop", summary: "Shop" });
    const value = { modules: [{ id: "a", value: { type: "script", path: "u/admin/greet", input_transforms: {} } }] };
    await send("base", "flows/create", { path: "f/shop/flow", summary: "A flow", value, schema: {} });
    const nightly = {
      schedule: "0 0 3 * * *",
      timezone: "UTC",
      script_path: "u/admin/greet",
      is_flow: false,
      args: {},
    };
    await send("base", "schedules/create", { path: "f/shop/nightly", ...nightly, enabled: true });
    const said = await cli.ok("workspace", "fork", "A try", "try", "--yes");
    expect(said).toContain(`Created forked workspace ${fork}`);
    expect(await cli.ok("workspace", "list-forks")).toContain(fork);
    expect(await runScript(instance, { workspace: fork, path: "u/admin/greet" })).toBe("one");
    expect(await instance.json("GET", `/w/${fork}/variables/get_value/u/admin/key`)).toBe("hunter22");
    expect(await instance.json("GET", `/w/${fork}/schedules/get/f/shop/nightly`)).toMatchObject({ enabled: false });
    expect((await cli.run("workspace", "fork", "A try", "try", "--yes")).output).toMatch(/already exists/);
  });

  test("is merged back: what changed, what is new and what is gone", async () => {
    git("checkout", "--quiet", "-b", "wm-fork/main/try");
    expect(await cli.ok("workspace", "merge", "--yes")).toContain("Everything is up to date");
    await deployScript(instance, { workspace: fork, path: "u/admin/new", language: "bash", content: "echo new\n" });
    const [head] = await instance.json<{ hash: string }[]>("GET", `/w/${fork}/scripts/list?path_exact=u/admin/greet`);
    await deployScript(instance, {
      workspace: fork,
      path: "u/admin/greet",
      language: "bash",
      content: "echo two\n",
      parent_hash: head?.hash,
    });
    await send(fork, "variables/update/u/admin/key", { value: "changed!" });
    await instance.text("DELETE", `/w/${fork}/flows/delete/f/shop/flow`);
    await send("base", "variables/create", { path: "u/admin/later", value: "l", is_secret: false, description: "" });
    const said = await cli.ok("workspace", "merge", "--yes", "--all");
    expect(said).toMatch(/✓ script:u\/admin\/greet[\s\S]*Successfully deployed 4 item/);
    expect(await runScript(instance, { workspace: "base", path: "u/admin/greet" })).toBe("two");
    expect(await runScript(instance, { workspace: "base", path: "u/admin/new" })).toBe("new");
    expect(await instance.json("GET", "/w/base/variables/get_value/u/admin/key")).toBe("changed!");
    expect(await instance.json("GET", "/w/base/flows/get/f/shop/flow")).toMatchObject({ archived: true });
    expect(await instance.json("GET", "/w/base/schedules/get/f/shop/nightly")).toMatchObject({ enabled: true });
    expect(await cli.ok("workspace", "merge", "--yes", "--direction", "to-fork")).toContain(
      "Successfully deployed 1 item",
    );
    expect(await instance.json("GET", `/w/${fork}/variables/get_value/u/admin/later`)).toBe("l");
    expect(await cli.ok("workspace", "merge", "--yes")).toContain("Everything is up to date");
  });

  test("is deleted, and its parent stays", async () => {
    git("checkout", "--quiet", "main");
    await cli.ok("workspace", "delete-fork", fork, "--yes");
    expect(await cli.ok("workspace", "list-forks")).not.toContain(fork);
    expect(await instance.json("POST", "/workspaces/exists", { body: { id: fork } })).toBe(false);
    expect(await runScript(instance, { workspace: "base", path: "u/admin/greet" })).toBe("two");
  });
});

test("every kind of item that a fork changed is merged, and both are the same then", { timeout: 180_000 }, async () => {
  const plain = "--plain-secrets";
  const parent = await exampleFolder(instance, "shop");
  await parent.ok("sync", "push", "--yes", plain);
  await send("shop", "workspaces/create_fork", { id: "wm-fork-shop", name: "Shop's fork" });
  const source = await workspaceFolder(instance, "wm-fork-shop");
  await source.ok("sync", "pull", "--yes", plain);
  allowBundles(source.folder);
  editExample(source);
  await source.ok("sync", "push", "--yes", plain);
  // the command line finds what to merge by the git branch
  const inSource = (...args: string[]): string => execFileSync("git", args, { cwd: source.folder, encoding: "utf8" });
  inSource("init", "--quiet", "--initial-branch=main");
  inSource("-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "--quiet", "--allow-empty", "-m", "begin");
  inSource("checkout", "--quiet", "-b", "wm-fork/main/shop");
  await source.ok("workspace", "add", "shop", "shop", `${instance.url}/`, "--token", instance.token);
  const binding = `\nworkspaces:\n  shop:\n    baseUrl: ${instance.url}/\n    workspaceId: shop\n    gitBranch: main\n`;
  appendFileSync(join(source.folder, "wmill.yaml"), binding);
  const merge = (): Promise<string> => source.ok("workspace", "merge", "--yes", "--all", "--direction", "to-parent");
  const said = await merge();
  expect(said).toMatch(/Successfully deployed \d+ item/);
  expect(said).not.toContain("✗");
  expect(await merge()).toContain("Everything is up to date");
  const pulled = async (workspace: string): Promise<Record<string, string>> => {
    const cli_ = await workspaceFolder(instance, workspace);
    await cli_.ok("sync", "pull", "--yes", plain);
    return treeOf(cli_.folder);
  };
  const [inParent, inFork] = [await pulled("shop"), await pulled("wm-fork-shop")];
  const own = /schedule\.yaml$|_trigger\.yaml$|^dependencies\//;
  const shared = (tree: Record<string, string>) =>
    Object.fromEntries(Object.entries(tree).filter(([name]) => !own.test(name)));
  expect(shared(inParent)).toEqual(shared(inFork));
  expect(inParent["f/shop/nightly.schedule.yaml"]).toContain("0 0 4 * * *");
  expect(inParent["f/shop/on_kafka.kafka_trigger.yaml"]).toContain("group_id: shops");
});
