import { sql } from "@towermill/store";
import { beforeEach, describe, expect, test } from "vitest";
import { itemsWorld } from "../../test/world.ts";

const { db, said, json } = await itemsWorld();

const tables = [
  "script",
  "variable",
  "resource",
  "resource_version",
  "trash",
  "protection_rule",
  "workspace_dependencies",
];

interface Item {
  id: number;
  item_kind: string;
  item_path: string;
}

async function trashed(): Promise<Item[]> {
  return json<Item[]>("trash/list", { as: "admin" });
}

beforeEach(async () => {
  for (const table of tables) await db.execute(sql`delete from ${sql.ident(table)}`);
});

describe("what is deleted", () => {
  test("comes back as it was: a secret, with the resource that is linked to it", async () => {
    await said("variables/create", {
      body: { path: "u/alice/db", value: "hidden", is_secret: true, description: "d" },
    });
    await said("resources/create", {
      body: { path: "u/alice/db", resource_type: "x", value: { password: "$var:u/alice/db" } },
    });
    await said("resources/update_value/u/alice/db", { body: { value: { password: "$var:u/alice/db", v: 2 } } });
    const before = await json("resources/get/u/alice/db");
    await said("resources/delete/u/alice/db", { method: "DELETE" });
    const [item] = await trashed();
    expect(item).toMatchObject({ item_kind: "resource", item_path: "u/alice/db" });
    const shown = await json<{ item_data: unknown }>(`trash/get/${item?.id}`);
    expect(JSON.stringify(shown)).not.toContain("hidden");
    expect(await json("resources/exists/u/alice/db")).toBe(false);
    expect(await json("variables/exists/u/alice/db")).toBe(false);
    expect((await said(`trash/restore/${item?.id}`, { method: "POST" }))[0]).toBe(200);
    expect(await json("resources/get/u/alice/db")).toEqual(before);
    expect(await json("variables/get/u/alice/db")).toMatchObject({ value: "hidden" });
    expect(await json("resources/history/p/u/alice/db")).toMatchObject({
      versioned: true,
      versions: [{ version: 1, created_by: "alice" }],
    });
  });

  test("comes back with every version of a script", async () => {
    const script = { path: "u/alice/s", summary: "", description: "", content: "echo 1", language: "bash" };
    await said("scripts/create", { body: script });
    await said("scripts/create", { body: { ...script, content: "echo 2", auto_parent: true } });
    const before = await json("scripts/get/p/u/alice/s");
    expect((await said("scripts/delete/p/u/alice/s", { as: "admin", method: "POST" }))[0]).toBe(200);
    expect((await said("scripts/get/p/u/alice/s"))[0]).toBe(404);
    const [item] = await trashed();
    expect((await said(`trash/restore/${item?.id}`, { method: "POST" }))[0]).toBe(200);
    expect(await json("scripts/get/p/u/alice/s")).toEqual(before);
    expect(await json<unknown[]>("scripts/history/p/u/alice/s")).toHaveLength(2);
  });

  test("does not replace what was made at its path meanwhile, nor comes back after three days", async () => {
    const variable = { path: "u/alice/v", value: "1", is_secret: false, description: "" };
    await said("variables/create", { body: variable });
    await said("variables/delete/u/alice/v", { method: "DELETE" });
    await said("variables/create", { body: variable });
    const [item] = await trashed();
    expect(await said(`trash/restore/${item?.id}`, { method: "POST" })).toEqual([
      400,
      expect.stringMatching(/something exists at its path/),
    ]);
    await db.execute(sql`update trash set expires_at = now() - interval '1 second'`);
    expect(await trashed()).toEqual([]);
    expect((await said(`trash/restore/${item?.id}`, { method: "POST" }))[0]).toBe(404);
  });

  test("is deleted for good by who may write it, and all of it by an admin", async () => {
    for (const name of ["a", "b"]) {
      await said("variables/create", {
        body: { path: `f/shared/${name}`, value: "1", is_secret: false, description: "" },
      });
      await said(`variables/delete/f/shared/${name}`, { method: "DELETE" });
    }
    const [item] = await trashed();
    expect((await said(`trash/delete/${item?.id}`, { as: "bob", method: "DELETE" }))[0]).toBe(403);
    expect((await said(`trash/delete/${item?.id}`, { method: "DELETE" }))[0]).toBe(200);
    expect((await said("trash/empty", { method: "POST" }))[0]).toBe(403);
    expect(await said("trash/empty", { as: "admin", method: "POST" })).toEqual([200, "deleted 1 items for good"]);
  });
});

test("earlier values of a resource are read, compared and given back; states have none", async () => {
  await said("resources/create", {
    body: { path: "u/alice/r", resource_type: "x", value: { n: 1, at: "$var:u/alice/gone" } },
  });
  await said("resources/update/u/alice/r", { body: { value: { n: 2 } } });
  await said("resources/update/u/alice/r", { body: { value: { n: 2 } } });
  const { versions } = await json<{ versions: { id: number }[] }>("resources/history/p/u/alice/r");
  expect(versions).toHaveLength(1);
  expect(await json(`resources/history/v/${versions[0]?.id}`)).toMatchObject({
    value: { n: 1 },
    missing_references: ["$var:u/alice/gone"],
  });
  expect((await said(`resources/history/v/${versions[0]?.id}`, { as: "bob" }))[0]).toBe(404);
  expect((await said(`resources/history/restore/v/${versions[0]?.id}`, { method: "POST" }))[0]).toBe(200);
  expect(await json("resources/get_value/u/alice/r")).toMatchObject({ n: 1 });
  expect((await said("resources/history/p/u/alice/r", { method: "DELETE" }))[0]).toBe(200);
  expect(await json("resources/history/p/u/alice/r")).toEqual({ versions: [], versioned: true });
  await said("resources/create", { body: { path: "u/alice/state", resource_type: "state", value: 1 } });
  await said("resources/update_value/u/alice/state", { body: { value: 2 } });
  expect(await json("resources/history/p/u/alice/state")).toEqual({ versions: [], versioned: false });
});

describe("protection rules", () => {
  const script = { path: "u/alice/s", summary: "", description: "", content: "echo 1", language: "bash" };
  const rule = { name: "prod", rules: ["DisableDirectDeployment"], bypass_groups: [], bypass_users: [] as string[] };

  test("stop deployments of everyone who is not exempt, admins too", async () => {
    await said("workspaces/protection_rules", { as: "admin", body: rule });
    for (const as of ["alice", "admin"]) {
      expect(await said("scripts/create", { as, body: script })).toEqual([
        403,
        'Deploying is restricted in w by the protection rule "prod"',
      ]);
    }
    expect((await said("resources/create", { body: { path: "u/alice/r", resource_type: "state", value: 1 } }))[0]).toBe(
      201,
    );
    await said("workspaces/protection_rules/prod", { as: "admin", body: { ...rule, bypass_users: ["u/alice"] } });
    expect((await said("scripts/create", { body: script }))[0]).toBe(201);
    expect((await said("workspaces/protection_rules/prod", { as: "admin", method: "DELETE" }))[0]).toBe(200);
    expect((await said("scripts/archive/p/u/alice/s", { as: "admin", method: "POST" }))[0]).toBe(200);
  });

  test("hold for what comes back from the trash", async () => {
    await said("scripts/create", { body: script });
    expect((await said("scripts/delete/p/u/alice/s", { as: "admin", method: "POST" }))[0]).toBe(200);
    await said("workspaces/protection_rules", { as: "admin", body: { ...rule, bypass_users: ["u/alice"] } });
    const [item] = await trashed();
    expect((await said(`trash/restore/${item?.id}`, { as: "admin", method: "POST" }))[0]).toBe(403);
    expect((await said(`trash/restore/${item?.id}`, { method: "POST" }))[0]).toBe(200);
  });

  test("can leave deploying to admins and deployers", async () => {
    await said("workspaces/protection_rules", { as: "admin", body: { ...rule, rules: ["RestrictDeployToDeployers"] } });
    expect((await said("scripts/create", { body: script }))[0]).toBe(403);
    expect((await said("scripts/create", { as: "admin", body: script }))[0]).toBe(201);
  });

  test("are for admins, and known ones only", async () => {
    expect((await said("workspaces/protection_rules", { body: rule }))[0]).toBe(403);
    expect((await said("workspaces/protection_rules", { as: "admin", body: { ...rule, rules: ["Other"] } }))[0]).toBe(
      400,
    );
    expect((await said("workspaces/protection_rules", { as: "admin", body: rule }))[0]).toBe(200);
    expect((await said("workspaces/protection_rules", { as: "admin", body: rule }))[0]).toBe(400);
    expect(await json("workspaces/protection_rules")).toEqual([{ ...rule, workspace_id: "w" }]);
    expect((await said("workspaces/protection_rules/none", { as: "admin", method: "DELETE" }))[0]).toBe(404);
  });
});

test("shared dependencies are saved by admins, the newest counts, and they are archived or deleted by name", async () => {
  const save = (content: string, name?: string) =>
    said("workspace_dependencies/create", { as: "admin", body: { workspace_id: "w", language: "bun", content, name } });
  expect(
    (await said("workspace_dependencies/create", { body: { workspace_id: "w", language: "bun", content: "{}" } }))[0],
  ).toBe(403);
  await save("{1}");
  await save("{2}");
  await save("{3}", "web");
  expect(await json("workspace_dependencies/get_latest/bun")).toMatchObject({
    content: "{2}",
    archived: false,
    language: "bun",
  });
  expect(await json("workspace_dependencies/get_latest/bun?name=web")).toMatchObject({ content: "{3}", name: "web" });
  expect(await json<unknown[]>("workspace_dependencies/list")).toHaveLength(2);
  expect((await said("workspace_dependencies/archive/bun?name=web", { as: "admin", method: "POST" }))[0]).toBe(200);
  expect((await said("workspace_dependencies/get_latest/bun?name=web"))[0]).toBe(404);
  expect((await said("workspace_dependencies/delete/bun", { as: "admin", method: "POST" }))[0]).toBe(200);
  expect((await said("workspace_dependencies/delete/bun", { as: "admin", method: "POST" }))[0]).toBe(404);
  expect((await said("workspace_dependencies/get_latest/cobol"))[0]).toBe(400);
});
