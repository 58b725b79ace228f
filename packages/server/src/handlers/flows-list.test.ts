import { sql } from "@towermill/store";
import { expect, test } from "vitest";
import { itemsWorld } from "../../test/world.ts";

const { db, json, call } = await itemsWorld();

interface Listed {
  type: string;
  path: string;
  language?: string;
}

await db.execute(sql`
  insert into flow (workspace_id, path, summary, value, edited_by, edited_at, options, archived)
  values ('w', 'f/shared/flow', 'A flow', '{"modules":[]}', 'alice', now() + interval '1 second', '{"labels":["l"]}', false),
         ('w', 'f/shared/same', 'Same', '{"modules":[]}', 'alice', now() + interval '2 seconds', '{}', false),
         ('w', 'u/alice/hidden', 'Hidden', '{"modules":[]}', 'alice', now(), '{}', false),
         ('w', 'f/shared/gone', 'Gone', '{"modules":[]}', 'alice', now(), '{}', true)`);
for (const path of ["f/shared/script", "f/shared/same"]) {
  const body = { path, summary: "", content: "export function main() {}", language: "bun", lock: "" };
  await call("scripts/create", { body });
}

const listed = async (query: string, as = "alice"): Promise<Listed[]> =>
  (await json<{ items: Listed[] }>(`runnables/list?${query}`, { as })).items;

test("lists across kinds show flows beside scripts, of which a path may be both", async () => {
  const byName = await listed("order_by=name&order_desc=false");
  expect(byName.map(({ type, path }) => `${type} ${path}`)).toEqual([
    "flow f/shared/flow",
    "script f/shared/same",
    "script f/shared/script",
    "flow u/alice/hidden",
    "flow f/shared/same",
  ]);
  expect(byName[0]).not.toHaveProperty("language");
  expect(byName[1]).toMatchObject({ language: "bun" });
  expect((await listed("kinds=flow&label=l")).map(({ path }) => path)).toEqual(["f/shared/flow"]);
  expect(await listed("kinds=app")).toEqual([]);
  expect((await listed("kinds=flow", "bob")).map(({ path }) => path)).toEqual(["f/shared/same", "f/shared/flow"]);
  expect((await listed("kinds=flow&show_archived=true")).map(({ path }) => path)).toEqual(["f/shared/gone"]);
});

test("pages of such a list miss nothing and show nothing twice", async () => {
  const all = (await listed("")).map(({ type, path }) => type + path);
  const paged: string[] = [];
  let cursor = "";
  do {
    const page = await json<{ items: Listed[]; next_cursor?: string }>(
      `runnables/list?per_page=1${cursor && `&cursor=${cursor}`}`,
    );
    paged.push(...page.items.map(({ type, path }) => type + path));
    cursor = page.next_cursor ?? "";
  } while (cursor !== "");
  expect(paged).toEqual(all);
  expect(all).toHaveLength(5);
});

test("flows are counted by owner and complete paths", async () => {
  expect(await json("runnables/counts?kinds=flow")).toEqual({ counts: { "f/shared": 2, "u/alice": 1 } });
  const { paths } = await json<{ paths: string[] }>("path_autocomplete/list_paths", { as: "bob" });
  expect(paths).toEqual(["f/shared/flow", "f/shared/same", "f/shared/script"]);
});
