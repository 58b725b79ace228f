import { sql } from "@towermill/store";
import { beforeEach, describe, expect, test } from "vitest";
import { itemsWorld } from "../../test/world.ts";

const { db, call, said, json } = await itemsWorld();

interface Saved {
  status: string;
  current_timestamp: string;
}
const save = (path: string, body: Record<string, unknown>, as = "alice"): Promise<Saved> =>
  json<Saved>(`drafts/update/${path}`, { as, body });

beforeEach(async () => {
  for (const table of ["script", "variable", "resource", "draft", "favorite"])
    await db.execute(sql`delete from ${sql.ident(table)}`);
});

async function script(path: string): Promise<void> {
  expect(
    (await said("scripts/create", { body: { path, summary: "deployed", content: "echo", language: "bash" } }))[0],
  ).toBe(201);
}

describe("a draft", () => {
  test("is kept as it was sent, per person", async () => {
    const value = '{"z":1.0,"big":12345678901234567890,"summary":"in work"}';
    expect(await json("drafts/get_own/script/u/alice/a")).toBeNull();
    expect(await json("drafts/update/script/u/alice/a", { body: `{"value":${value}}` })).toMatchObject({
      status: "saved",
      path: "u/alice/a",
    });
    expect(await (await call("drafts/get_own/script/u/alice/a")).text()).toContain(`"value":${value}`);
    expect(await json("drafts/get_own/script/u/alice/a", { as: "bob" })).toBeNull();
    expect(await json("drafts/list")).toMatchObject([
      {
        kind: "script",
        path: "u/alice/a",
        summary: "in work",
        draft_only: true,
        legacy_draft: false,
        can_write: true,
        mine: true,
        draft_users: [{ username: "alice" }],
      },
    ]);
    expect(await json("drafts/list", { as: "bob" })).toEqual([]);
  });

  test("is not overwritten by a tab that does not know of the last save", async () => {
    const first = await save("script/u/alice/a", { value: { n: 1 } });
    const second = await save("script/u/alice/a", { value: { n: 2 }, last_sync: first.current_timestamp });
    expect(second.status).toBe("saved");
    expect(await save("script/u/alice/a", { value: { n: 3 }, last_sync: first.current_timestamp })).toEqual({
      status: "conflict",
      current_timestamp: second.current_timestamp,
    });
    expect((await save("script/u/alice/a", { value: { n: 3 } })).status).toBe("conflict");
    expect((await save("script/u/alice/a", { value: { n: 3 }, force: true })).status).toBe("saved");
    expect((await save("script/u/alice/a", { value: null })).status).toBe("conflict");
    expect((await save("script/u/alice/a", { value: null, force: true })).status).toBe("saved");
    expect(await json("drafts/get_own/script/u/alice/a")).toBeNull();
    expect((await save("script/u/alice/a", {})).status).toBe("saved");
  });

  test("lies over the deployed item when asked for, and stands for it when there is none", async () => {
    await script("f/shared/s");
    await save("script/f/shared/s", { value: { summary: "changed", parent_hash: "abc" } });
    await save("script/f/shared/s", { value: { summary: "bob's" } }, "bob");
    expect(await json("scripts/get/p/f/shared/s?get_draft=true")).toMatchObject({
      summary: "deployed",
      is_draft: true,
      draft: { summary: "changed" },
      draft_base: "abc",
      other_drafts_users: [{ username: "bob" }],
    });
    expect(await json("scripts/get/p/f/shared/s")).not.toHaveProperty("is_draft");
    await save("script/u/alice/new", { value: { summary: "new", language: "bun" } });
    expect(await json("scripts/get/p/u/alice/new?get_draft=true")).toMatchObject({
      path: "u/alice/new",
      summary: "new",
      draft_only: true,
      no_deployed: true,
      is_draft: true,
    });
    expect((await said("scripts/get/p/u/alice/new"))[0]).toBe(404);
    await save("variable/u/alice/v", { value: { value: "x" } });
    expect(await json("variables/get/u/alice/v?get_draft=true")).toMatchObject({ no_deployed: true, value: "x" });
    expect(await json("variables/list?include_draft_only=true")).toMatchObject([
      { path: "u/alice/v", draft_only: true },
    ]);
    await save("resource/u/alice/r", { value: { resource_type: "pg" } });
    expect(await json("resources/get/u/alice/r?get_draft=true")).toMatchObject({
      no_deployed: true,
      resource_type: "pg",
    });
    expect(await json("resources/list?include_draft_only=true")).toMatchObject([
      { path: "u/alice/r", resource_type: "pg", draft_only: true },
    ]);
  });

  test("ends with the deployment, unless that says otherwise", async () => {
    await save("script/u/alice/s", { value: {} });
    await said("scripts/create", {
      body: { path: "u/alice/s", summary: "", content: "1", language: "bash", skip_draft_deletion: true },
    });
    expect(await json("drafts/get_own/script/u/alice/s")).not.toBeNull();
    await said("scripts/create", {
      body: { path: "u/alice/s", summary: "", content: "2", language: "bash", auto_parent: true },
    });
    expect(await json("drafts/get_own/script/u/alice/s")).toBeNull();
  });

  test("moves, but not onto another one", async () => {
    await save("script/u/alice/a", { value: { summary: "one", z: 1 } });
    await save("script/u/alice/b", { value: {} });
    expect((await said("drafts/move/script/u/alice/a", { body: { new_path: "u/alice/b" } }))[0]).toBe(400);
    expect(await said("drafts/move/script/u/alice/a", { body: { new_path: "f/shared/c", summary: "two" } })).toEqual([
      200,
      "f/shared/c",
    ]);
    expect(await json("drafts/get_own/script/f/shared/c")).toMatchObject({ value: { summary: "two", z: 1 } });
    expect((await said("drafts/move/script/u/alice/a", { body: { new_path: "u/alice/d" } }))[0]).toBe(404);
    expect((await said("drafts/move/script/u/alice/b", { body: { new_path: "../x" } }))[0]).toBe(400);
  });

  test("of another person is seen where the path is, for kinds that are shared", async () => {
    await save("script/f/shared/s", { value: { n: 1 } });
    await save("variable/f/shared/v", { value: { value: "secret" } });
    await save("script/u/alice/s", { value: { n: 2 } });
    expect(await json("drafts/get/script/f/shared/s?username=alice", { as: "bob" })).toMatchObject({ value: { n: 1 } });
    expect((await said("drafts/get/variable/f/shared/v?username=alice", { as: "bob" }))[0]).toBe(404);
    expect((await said("drafts/get/script/u/alice/s?username=alice", { as: "bob" }))[0]).toBe(404);
    expect((await said("drafts/get/script/f/shared/s", { as: "bob" }))[0]).toBe(404);
    expect(await json("drafts/list?all_users=true", { as: "bob" })).toMatchObject([
      { path: "f/shared/s", mine: false, can_write: false },
    ]);
  });

  test("is refused to operators, at foreign paths, and in the wrong form", async () => {
    expect((await said("drafts/update/script/u/olga/a", { as: "olga", body: { value: {} } }))[0]).toBe(403);
    expect((await said("drafts/update/script/u/bob/a", { body: { value: {} } }))[0]).toBe(404);
    expect((await said("drafts/update/nothing/u/alice/a", { body: { value: {} } }))[0]).toBe(400);
    expect((await said("drafts/update/script/alice", { body: { value: {} } }))[0]).toBe(400);
    expect((await said("drafts/update/script/u/alice/a", { body: { value: "a\u0000" } }))[0]).toBe(400);
    expect((await said("drafts/update/script/u/alice/a", { body: '{"value":{"summary":"\\ud800"}}' }))[0]).toBe(400);
    expect((await save("script/u/alice/a", { value: { content: 'print("\\u0000 \\ud83d")' } })).status).toBe("saved");
    expect((await said("drafts/update/script/u/alice/a", { body: { value: {}, last_sync: "today" } }))[0]).toBe(400);
    for (const value of [5, [1], "text", true])
      expect((await save("script/u/alice/a", { value, force: true })).status).toBe("saved");
    expect(await json("scripts/get/p/u/alice/a?get_draft=true")).toMatchObject({ draft: true, no_deployed: true });
    expect(await json("scripts/list?include_draft_only=true")).toMatchObject([{ path: "u/alice/a", draft_only: true }]);
  });
});

describe("a favourite", () => {
  test("is one's own, and set and unset any number of times", async () => {
    await script("f/shared/s");
    const body = { path: "f/shared/s", favorite_kind: "script" };
    for (const path of ["star", "star"])
      expect(await said(`favorites/${path}`, { body })).toEqual([200, "starred f/shared/s"]);
    expect(await json("scripts/get/p/f/shared/s?with_starred_info=true")).toMatchObject({ starred: true });
    expect(await json("scripts/get/p/f/shared/s?with_starred_info=true", { as: "bob" })).toMatchObject({
      starred: false,
    });
    expect((await said("favorites/star", { as: "olga", body }))[0]).toBe(200);
    for (const path of ["unstar", "unstar"]) expect((await said(`favorites/${path}`, { body }))[0]).toBe(200);
    expect(await json("scripts/list?starred_only=true")).toEqual([]);
    expect((await said("favorites/star", { body: { ...body, favorite_kind: "planet" } }))[0]).toBe(400);
  });
});

test("the draft of a secret variable is kept encrypted, and shown to its writer as it was saved", async () => {
  const draft = '{"path":"u/alice/s","value":"hunter22","is_secret":true,"big":12345678901234567890}';
  await said("drafts/update/variable/u/alice/s", { body: `{"value":${draft}}` });
  const { value } = await db.one<{ value: string }>(sql`select value from draft where path = 'u/alice/s'`);
  expect(value).not.toContain("hunter22");
  expect((await said("drafts/get_own/variable/u/alice/s"))[1]).toContain(`"value":${draft}`);
  expect((await said("drafts/get/variable/u/alice/s?username=alice"))[1]).toContain(`"value":${draft}`);
  expect(await json("variables/get/u/alice/s?get_draft=true")).toMatchObject({ value: "hunter22", draft_only: true });
  await said("variables/create", { body: { path: "u/alice/s", value: "old value", is_secret: true, description: "" } });
  expect(await json("variables/get/u/alice/s?get_draft=true")).toMatchObject({
    value: "old value",
    draft: { value: "hunter22" },
  });
  const plain = '{"path":"u/alice/p","value":"open","is_secret":false}';
  await said("drafts/update/variable/u/alice/p", { body: `{"value":${plain}}` });
  expect(await db.one(sql`select value from draft where path = 'u/alice/p'`)).toEqual({ value: plain });
});
