import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startInstance } from "./support/instance.ts";
import { exampleFolder, writeTo } from "./support/tree.ts";

const instance = await startInstance();
const cli = await exampleFolder(instance, "shop");
await cli.ok("sync", "push", "--yes", "--plain-secrets");

const file = (name: string): string => readFileSync(join(cli.folder, name), "utf8");

describe("apps by the command line", { timeout: 120_000 }, () => {
  test("are listed, shown and pushed one by one", async () => {
    const list = await cli.json<{ path: string; raw_app: boolean }[]>("app", "list");
    expect(list.map(({ path, raw_app }) => [path, raw_app]).toSorted()).toEqual([
      ["f/shop/board", false],
      ["f/shop/panel", true],
    ]);
    expect(await cli.ok("app", "get", "f/shop/board")).toMatch(/Path: f\/shop\/board\s+Summary: Board/);
    writeFileSync(
      join(cli.folder, "f/shop/board.app/app.yaml"),
      file("f/shop/board.app/app.yaml").replace("Board", "Pushed"),
    );
    await cli.ok("app", "push", "f/shop/board.app", "f/shop/board");
    await cli.ok("app", "push", "f/shop/board.app", "u/admin/copy");
    for (const path of ["f/shop/board", "u/admin/copy"])
      expect(await cli.json("app", "get", path)).toMatchObject({ summary: "Pushed" });
  });
});

describe("triggers by the command line", { timeout: 120_000 }, () => {
  test("are listed, found without their kind, and pushed", async () => {
    const list = await cli.ok("trigger", "list");
    for (const kind of [
      "http",
      "websocket",
      "kafka",
      "nats",
      "mqtt",
      "amqp",
      "sqs",
      "gcp",
      "azure",
      "postgres",
      "email",
    ])
      expect(list).toContain(`f/shop/on_${kind} `);
    expect(await cli.ok("trigger", "get", "f/shop/on_nats")).toMatch(/nats/);
    writeTo(cli.folder, { "u/admin/mine.kafka_trigger.yaml": file("f/shop/on_kafka.kafka_trigger.yaml") });
    await cli.ok("trigger", "push", "u/admin/mine.kafka_trigger.yaml", "u/admin/mine");
    expect(await cli.json("trigger", "get", "u/admin/mine", "--kind", "kafka")).toMatchObject({
      topics: ["orders"],
      mode: "disabled",
    });
  });
});

test("the trash is listed, looked into and emptied back into the workspace", { timeout: 120_000 }, async () => {
  await instance.text("DELETE", "/w/shop/variables/delete/f/shop/greeting");
  expect(await cli.ok("trash", "list")).toMatch(/variable .* f\/shop\/greeting/);
  const [item] = await instance.json<{ id: number }[]>("GET", "/w/shop/trash/list");
  expect(await cli.ok("trash", "get", String(item?.id))).toContain("How we greet");
  await cli.ok("trash", "restore", String(item?.id));
  expect(await cli.json("variable", "get", "f/shop/greeting")).toMatchObject({ value: "hello" });
  expect(await cli.ok("trash", "list")).toMatch(/No trashed items/);
});

test(
  "protection rules are pulled into a file and pushed from it: made, changed and removed",
  { timeout: 120_000 },
  async () => {
    const binding = `\nworkspaces:\n  shop:\n    baseUrl: ${instance.url}/\n    workspaceId: shop\n`;
    writeTo(cli.folder, { "wmill.yaml": file("wmill.yaml") + binding });
    const rules = () => instance.json<unknown[]>("GET", "/w/shop/workspaces/protection_rules");
    const entry = { name: "prod", rules: ["DisableDirectDeployment"], bypass_groups: [], bypass_users: ["u/admin"] };
    const push = async (shop: unknown[]) => {
      writeTo(cli.folder, { "protection-rules.yaml": JSON.stringify({ shop }) });
      await cli.ok("protection-rules", "push", "shop", "--yes");
    };
    await push([entry]);
    expect(await rules()).toEqual([{ ...entry, workspace_id: "shop" }]);
    await push([{ ...entry, bypass_users: ["u/admin", "u/bob"] }]);
    expect(await rules()).toMatchObject([{ bypass_users: ["u/admin", "u/bob"] }]);
    writeTo(cli.folder, { "protection-rules.yaml": "{}" });
    await cli.ok("protection-rules", "pull", "shop");
    expect(file("protection-rules.yaml")).toMatch(/u\/bob[\s\S]*DisableDirectDeployment/);
    await push([]);
    expect(await rules()).toEqual([]);
  },
);

describe("shared dependencies, git settings and worker groups", { timeout: 120_000 }, () => {
  test("are pushed and told up to date", async () => {
    expect(await cli.ok("dependencies", "push", "dependencies/web.requirements.in")).toContain("up-to-date");
    writeTo(cli.folder, { "dependencies/web.requirements.in": "httpx==0.28.1\n" });
    expect(await cli.ok("dependencies", "push", "dependencies/web.requirements.in")).toContain("Successfully pushed");
    const [latest] = await instance
      .json<{ name?: string; content: string }[]>("GET", "/w/shop/workspace_dependencies/list")
      .then((all) => all.filter(({ name }) => name === "web"));
    expect(latest?.content).toBe("httpx==0.28.1\n");
    expect(await cli.ok("gitsync-settings", "pull")).toContain("No git-sync repositories");
    const audit = await cli.ok("audit", "list");
    expect(audit).toContain("workspace_dependencies.create");
  });
});

test("an instance is pulled into files and pushed from them without a change", { timeout: 120_000 }, async () => {
  await instance.text("POST", "/groups/create", { body: { name: "staff", summary: "All of us" } });
  await instance.text("POST", "/settings/global/instance_banner", { body: { value: "Hello" } });
  await cli.ok("instance", "add", "here", `${instance.url}/`, instance.token);
  await cli.ok("instance", "pull", "--yes", "--instance", "here");
  expect(file("instance_users.yaml")).toContain("admin@windmill.dev");
  expect(file("instance_groups.yaml")).toContain("All of us");
  expect(file("instance_settings.yaml")).toContain("value: Hello");
  expect(await cli.ok("instance", "push", "--yes", "--instance", "here")).toMatch(/No instance-level changes to apply/);
  writeTo(cli.folder, { "instance_groups.yaml": file("instance_groups.yaml").replace("All of us", "Everybody") });
  await cli.ok("instance", "push", "--yes", "--instance", "here");
  expect(await instance.json("GET", "/groups/list")).toMatchObject([{ name: "staff", summary: "Everybody" }]);
  await cli.ok("worker-groups", "pull", "--yes");
  expect(await cli.ok("instance", "whoami")).toContain("admin@windmill.dev");
  expect(await cli.ok("instance", "get-config", "--instance", "here")).toContain("global_settings");
});
