import { sql } from "@towermill/store";
import { beforeEach, describe, expect, test } from "vitest";
import { itemsWorld, type Sent } from "../../test/world.ts";

const { db, app, bus, said, json, addToken } = await itemsWorld();

const id = "wm-fork-try";
const variable = { value: "x", is_secret: false, description: "" };

/** A call in the fork. */
async function inFork(path: string, { as = "alice", method, body }: Sent = {}): Promise<[number, string]> {
  const response = await app.request(`http://localhost/api/w/${id}/${path}`, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: { authorization: `Bearer ${as}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return [response.status, await response.text()];
}

const fork = (as: string, body: object = {}) =>
  said("workspaces/create_fork", { as, body: { id, name: "Try", ...body } });

interface Comparison {
  skipped_comparison: boolean;
  all_ahead_items_visible: boolean;
  all_behind_items_visible: boolean;
  diffs: { kind: string; path: string; ahead: number; behind: number }[];
  hidden_behind: { total: number; by_kind: Record<string, number> };
}
const compare = (as: string): Promise<Comparison> => json<Comparison>(`workspaces/compare/${id}`, { as });
const diffs = async (as: string) =>
  (await compare(as)).diffs.map(({ kind, path, ahead, behind }) => [`${kind}:${path}`, ahead, behind]);

beforeEach(async () => {
  await db.execute(sql`delete from workspace where id = ${id}`);
  for (const table of ["variable", "resource", "script", "protection_rule"])
    await db.execute(sql`delete from ${sql.ident(table)}`);
  bus.publish("changed", ["member:*", `vault:${id}`]);
  for (const [path, as] of [
    ["u/alice/own", "alice"],
    ["f/shared/open", "alice"],
    ["u/bob/own", "bob"],
  ] as const)
    await said("variables/create", { as, body: { ...variable, path } });
  await said("variables/create", { body: { ...variable, path: "f/shared/key", value: "hunter22", is_secret: true } });
  await said("variables/create", {
    as: "bob",
    body: { ...variable, path: "u/bob/key", value: "b0bs own", is_secret: true },
  });
});

describe("a fork", () => {
  test("holds what its maker may read, and its maker alone", async () => {
    expect(await fork("bob")).toEqual([201, `Created forked workspace ${id}`]);
    const list = JSON.parse((await inFork("variables/list", { as: "bob" }))[1]) as { path: string }[];
    expect(list.map(({ path }) => path)).toEqual(["f/shared/key", "f/shared/open", "u/bob/key", "u/bob/own"]);
    expect((await inFork("variables/list", { as: "alice" }))[0]).toBe(403);
    expect(await inFork("variables/get_value/f/shared/key", { as: "bob" })).toEqual([200, '"hunter22"']);
    const members = await db.query(sql`select username, email, is_admin from member where workspace_id = ${id}`);
    expect(members).toEqual([{ username: "bob", email: "bob@example.com", is_admin: true }]);
  });

  test("has a key of its own", async () => {
    await fork("alice");
    const secrets = await db.query<{ value: string }>(sql`select value from variable where path = 'f/shared/key'`);
    expect(new Set(secrets.map(({ value }) => value)).size).toBe(2);
    const keys = await db.query<{ wrapped: Buffer }>(
      sql`select wrapped from workspace_key where workspace_id in ('w', ${id})`,
    );
    expect(new Set(keys.map(({ wrapped }) => wrapped.toString("hex"))).size).toBe(2);
  });

  test("leaves behind what is the parent's own: values, webhooks, handlers, what runs as others", async () => {
    await db.execute(sql`update workspace set settings = '{"webhook":"https://x","default_app":"f/a/b","error_handler":{"path":"script/a"},
      "slack_team_id":"T","environment_variables":{"A":"b"}}' where id = 'w'`);
    await db.execute(sql`update variable set ws_specific = true where path = 'f/shared/open'`);
    await db.execute(sql`insert into script (workspace_id, hash, path, content, language, lock, options, created_by)
      values ('w', 'aa', 'f/shared/s', 'echo', 'bash', '', '{"on_behalf_of_email":"admin@example.com","timeout":3}', 'admin')`);
    await fork("alice");
    expect(await db.one(sql`select settings from workspace where id = ${id}`)).toEqual({
      settings: { default_app: "f/a/b" },
    });
    expect(await db.one(sql`select options from script where workspace_id = ${id}`)).toEqual({
      options: { timeout: 3 },
    });
    expect((await inFork("variables/get/f/shared/open"))[0]).toBe(404);
    expect(await diffs("alice")).toEqual([]);
    await db.execute(sql`update workspace set settings = '{}' where id = 'w'`);
  });

  test("has the triggers of its parent, off, and may change and enable them beside it", async () => {
    const hook = {
      path: "u/alice/hook",
      script_path: "u/alice/x",
      is_flow: false,
      route_path: "orders",
      http_method: "post",
    };
    const route = { ...hook, authentication_method: "none", is_static_website: false };
    await said("http_triggers/create", { as: "admin", body: route });
    await fork("alice");
    expect(JSON.parse((await inFork("http_triggers/get/u/alice/hook"))[1])).toMatchObject({ mode: "disabled" });
    expect(await diffs("alice")).toEqual([]);
    const change = { body: { ...route, http_method: "get", mode: "enabled" } };
    expect((await inFork("http_triggers/update/u/alice/hook", change))[0]).toBe(200);
    expect(await diffs("alice")).toEqual([["http_trigger:u/alice/hook", 1, 0]]);
    const other = { body: { ...route, path: "u/alice/other", http_method: "get" } };
    expect((await inFork("http_triggers/create", other))[0]).toBe(400);
    await said("http_triggers/delete/u/alice/hook", { as: "admin", method: "DELETE" });
  });

  test("is made by developers with an unrestricted token, where no rule forbids it", async () => {
    expect((await fork("olga"))[0]).toBe(403);
    expect((await fork("eve"))[0]).toBe(403);
    await addToken("alice", "narrow-token", ["workspaces:write"]);
    expect((await fork("narrow-token"))[0]).toBe(403);
    expect((await fork("alice", { id: "other-name" }))[0]).toBe(400);
    expect((await fork("alice", { forked_datatables: [{}] }))[0]).toBe(400);
    await db.execute(sql`insert into protection_rule (workspace_id, name, rules, bypass_users)
      values ('w', 'no forks', '{DisableWorkspaceForking}', '{admin}')`);
    expect((await fork("alice"))[1]).toContain('Forking is restricted in w by the protection rule "no forks"');
    expect((await fork("admin"))[0]).toBe(201);
    expect((await fork("admin"))[0]).toBe(400);
  });
});

describe("a comparison", () => {
  test("says who changed what, and nothing of what is the same", async () => {
    await fork("alice");
    expect(await diffs("alice")).toEqual([]);
    await said("variables/update/u/alice/own", { body: { value: "parent" } });
    await inFork("variables/update/f/shared/key", { body: { value: "fork's" } });
    for (const value of ["one", "two"]) {
      const change = { body: { value } };
      await (value === "one"
        ? said("variables/update/f/shared/open", change)
        : inFork("variables/update/f/shared/open", change));
    }
    await inFork("variables/create", { body: { ...variable, path: "u/alice/new" } });
    expect(await diffs("alice")).toEqual([
      ["variable:f/shared/key", 1, 0],
      ["variable:f/shared/open", 1, 1],
      ["variable:u/alice/new", 1, 0],
      ["variable:u/alice/own", 0, 1],
    ]);
    await inFork("variables/delete/u/alice/own", { method: "DELETE" });
    expect((await diffs("alice")).at(-1)).toEqual(["variable:u/alice/own", 1, 1]);
  });

  test("begins anew for what is the same now", async () => {
    await fork("alice");
    for (const change of [said, inFork]) await change("variables/update/f/shared/open", { body: { value: "both" } });
    for (const change of [said, inFork]) await change("variables/delete/u/alice/own", { method: "DELETE" });
    await said("variables/update/f/shared/key", { body: { value: "parent" } });
    expect((await said(`workspaces/reset_diff_tally/${id}`, { method: "POST" }))[0]).toBe(200);
    expect(await diffs("alice")).toEqual([["variable:f/shared/key", 0, 1]]);
    await said("variables/update/f/shared/open", { body: { value: "later" } });
    expect(await diffs("alice")).toContainEqual(["variable:f/shared/open", 0, 1]);
  });

  test("counts what its reader may not see, and does not name it", async () => {
    await fork("alice");
    await said("variables/update/u/bob/key", { as: "bob", body: { value: "changed" } });
    expect(await diffs("alice")).toEqual([]);
    await said("variables/create", { as: "bob", body: { ...variable, path: "u/bob/later" } });
    const seen = await compare("alice");
    expect(seen).toMatchObject({
      diffs: [],
      all_ahead_items_visible: true,
      all_behind_items_visible: false,
      hidden_behind: { total: 1, by_kind: { variable: 1 } },
    });
    expect(JSON.stringify(seen)).not.toContain("bob");
  });

  test("is refused to who is in one of them only, and skipped between strangers", async () => {
    await fork("alice");
    expect((await said(`workspaces/compare/${id}`, { as: "bob" }))[0]).toBe(404);
    expect((await said(`workspaces/reset_diff_tally/${id}`, { as: "bob", method: "POST" }))[0]).toBe(404);
    await db.execute(sql`update workspace set parent_workspace_id = 'other' where id = ${id}`);
    expect(await compare("alice")).toMatchObject({ skipped_comparison: true, diffs: [] });
    expect((await said(`workspaces/reset_diff_tally/${id}`, { method: "POST" }))[0]).toBe(400);
  });
});
