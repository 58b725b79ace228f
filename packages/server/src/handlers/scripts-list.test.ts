import { sql } from "@towermill/store";
import { beforeAll, describe, expect, test } from "vitest";
import { itemsWorld } from "../../test/world.ts";

const { db, said, json, addToken } = await itemsWorld();

interface Listed {
  path: string;
  hash: string;
  starred: boolean;
  draft_only?: boolean;
}

async function create(path: string, fields: Record<string, unknown> = {}, as = "alice"): Promise<string> {
  const body = { path, summary: "", content: `echo ${path}`, language: "bash", auto_parent: true, ...fields };
  const [status, hash] = await said("scripts/create", { as, body });
  expect([path, status]).toEqual([path, 201]);
  return hash;
}
const paths = async (query: string, as = "alice"): Promise<string[]> =>
  (await json<Listed[]>(`scripts/list?${query}`, { as })).map((row) => row.path);

const hashes: Record<string, string> = {};
beforeAll(async () => {
  hashes["one"] = await create("u/alice/one", { summary: "First thing", labels: ["red"] });
  hashes["two"] = await create("u/alice/two", { kind: "trigger" });
  hashes["shared"] = await create("f/shared/three", {
    language: "python3",
    content: "def main(): pass",
    lock: "",
    is_template: true,
  });
  hashes["bob"] = await create("u/bob/four", {}, "bob");
  hashes["old"] = await create("f/shared/old");
  await said("scripts/archive/p/f/shared/old", { method: "POST" });
  hashes["one2"] = await create("u/alice/one", {
    summary: "First thing",
    content: "echo again",
    labels: ["red"],
    deployment_message: "msg",
  });
  await said("favorites/star", { body: { path: "u/alice/two", favorite_kind: "script" } });
  for (const [email, path] of [
    ["alice@example.com", "u/alice/draft"],
    ["alice@example.com", "u/alice/one"],
    ["bob@example.com", "u/alice/one"],
    ["olga@example.com", "u/olga/draft"],
  ]) {
    await db.execute(
      sql`insert into draft (workspace_id, kind, path, email, value) values ('w', 'script', ${path}, ${email}, '{"summary":"in work","language":"bun"}')`,
    );
  }
});

describe("the list of scripts", () => {
  test("holds what one may read, newest first, without code", async () => {
    expect(await paths("")).toEqual(["u/alice/one", "f/shared/three", "u/alice/two"]);
    expect(await paths("order_desc=false")).toEqual(["u/alice/two", "f/shared/three", "u/alice/one"]);
    expect(await paths("", "bob")).toEqual(["u/bob/four", "f/shared/three"]);
    expect(await paths("", "olga")).toEqual(["f/shared/three"]);
    expect(await paths("", "admin")).toHaveLength(4);
    const [first] = await json<Record<string, unknown>[]>("scripts/list?path_exact=u/alice/one");
    expect(first).toMatchObject({
      hash: hashes["one2"],
      summary: "First thing",
      labels: ["red"],
      is_draft: true,
      draft_users: [{ username: "alice" }, { username: "bob" }],
    });
    expect(first).not.toHaveProperty("content");
    expect(first).not.toHaveProperty("deployment_msg");
  });

  test.each([
    ["path_start=u/alice", ["u/alice/one", "u/alice/two"]],
    ["path_start=u/al_ce", []],
    ["created_by=bob", []],
    ["created_by=!bob", ["u/alice/one", "f/shared/three", "u/alice/two"]],
    ["kinds=trigger,approval", ["u/alice/two"]],
    ["languages=python3", ["f/shared/three"]],
    ["is_template=true", ["f/shared/three"]],
    ["starred_only=true", ["u/alice/two"]],
    ["label=red", ["u/alice/one"]],
    ["show_archived=true", ["f/shared/old"]],
    ["dedicated_worker=true", []],
    ["include_draft_only=true&path_start=u/alice/d", ["u/alice/draft"]],
    ["per_page=1&page=2", ["f/shared/three"]],
    ["per_page=2&page=0", ["u/alice/one", "f/shared/three"]],
  ])("is narrowed by %s", async (query, expected) => {
    expect(await paths(query)).toEqual(expected);
  });

  test("is narrowed by parents", async () => {
    expect(await paths(`first_parent_hash=${hashes["one"]}`)).toEqual(["u/alice/one"]);
    expect(await paths(`last_parent_hash=${hashes["one"]}`)).toEqual(["u/alice/one"]);
    expect(await paths(`parent_hash=${hashes["two"]}`)).toEqual([]);
  });

  test("counts pages from zero for the official CLI", async () => {
    const page = (n: number) =>
      json<Listed[]>(`scripts/list?per_page=2&page=${n}&include_draft_only=true`, {
        headers: { "x-windmill-client": "cli" },
      });
    const seen = [...(await page(0)), ...(await page(1)), ...(await page(2))].map((row) => row.path);
    expect(seen.toSorted()).toEqual(["f/shared/three", "u/alice/draft", "u/alice/one", "u/alice/two"]);
  });

  test("is narrowed by the scopes of the token", async () => {
    await addToken("alice", "shared-only", ["scripts:read"]);
    expect(await paths("", "shared-only")).toHaveLength(3);
  });

  test("refuses parameters of the wrong form with 400", async () => {
    for (const query of ["page=-1", "per_page=x", "is_template=maybe", "path_start=%00", "page=99999999999999999999"]) {
      expect([query, (await said(`scripts/list?${query}`))[0]]).toEqual([query, 400]);
    }
    expect(await paths(`per_page=100000&page=${Number.MAX_SAFE_INTEGER}`)).toEqual([]);
  });
});

test("paths and code for search boxes hold what one may read", async () => {
  expect(await json("scripts/list_paths", { as: "bob" })).toEqual(["f/shared/three", "u/bob/four"]);
  expect(await json("scripts/list_search", { as: "olga" })).toEqual([
    { path: "f/shared/three", content: "def main(): pass" },
  ]);
  expect(await json("path_autocomplete/list_paths", { as: "bob" })).toEqual({
    paths: ["f/shared/three", "u/bob/four"],
  });
});

test("scripts that import a script are found by what they import, not by a mention", async () => {
  await create("f/shared/user", {
    language: "python3",
    lock: "",
    content: "from f.shared.three import main\ndef main(): pass",
  });
  await create("f/shared/relative", { language: "python3", lock: "", content: "from .three import x\n" });
  await create("u/alice/ts", {
    language: "bun",
    lock: "",
    content: 'import { a } from "/f/shared/three.ts"\nexport function main() {}',
  });
  await create("f/shared/mention", { content: "echo f/shared/three" });
  expect(await json("scripts/list_paths_from_workspace_runnable/f/shared/three")).toEqual([
    "f/shared/relative",
    "f/shared/user",
    "u/alice/ts",
  ]);
});

describe("the list across kinds", () => {
  test("pages by a cursor without skipping or repeating", async () => {
    for (const order of ["order_by=updated", "order_by=name&order_desc=false"]) {
      const all = (
        await json<{ items: Listed[] }>(`runnables/list?include_without_main=true&include_draft_only=true&${order}`)
      ).items;
      const seen: string[] = [];
      let cursor = "";
      do {
        const page = await json<{ items: Listed[]; next_cursor?: string }>(
          `runnables/list?include_without_main=true&include_draft_only=true&per_page=2&${order}${cursor && `&cursor=${cursor}`}`,
        );
        seen.push(...page.items.map((item) => item.path));
        cursor = page.next_cursor ?? "";
      } while (cursor !== "");
      expect(seen).toEqual(all.map((item) => item.path));
      expect(new Set(seen).size).toBe(seen.length);
    }
  });

  test("searches words in order in summary and path", async () => {
    const found = async (search: string) =>
      (await json<{ items: Listed[] }>(`runnables/list?search=${encodeURIComponent(search)}`)).items.map(
        (item) => item.path,
      );
    expect(await found("first ONE")).toEqual(["u/alice/one"]);
    expect(await found("one first")).toEqual([]);
    expect(await found("%")).toEqual([]);
    expect((await json<{ items: Listed[] }>("runnables/list?kinds=flow")).items).toEqual([]);
  });

  test("counts by owner", async () => {
    const { counts } = await json<{ counts: Record<string, number> }>("runnables/counts", { as: "bob" });
    expect(counts).toMatchObject({ "u/bob": 1 });
    expect(counts).not.toHaveProperty("u/alice");
  });

  test("refuses a cursor it did not give", async () => {
    expect((await said("runnables/list?cursor=nonsense"))[0]).toBe(400);
    expect((await said(`runnables/list?cursor=${Buffer.from('["\\u0000","a"]').toString("base64url")}`))[0]).toBe(400);
  });
});
