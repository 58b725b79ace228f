import { describe, expect, test } from "vitest";
import { scriptEntries, scriptExtension, type ScriptItem } from "./index.ts";

const script: ScriptItem = {
  path: "f/a/b",
  summary: "s",
  description: "",
  content: "x",
  language: "bun",
  kind: "script",
  schema: '{"2":1,"1":2}',
  lock: "",
  is_template: false,
  options: {},
};

function metadataOf(item: ScriptItem): string {
  return scriptEntries(item).find(({ name }) => name.endsWith(".script.json"))?.content ?? "";
}

describe("a script in files", () => {
  test("is its source and what is said of it, its schema as it was stored", () => {
    expect(scriptEntries(script)).toEqual([
      { name: "f/a/b.ts", content: "x" },
      {
        name: "f/a/b.script.json",
        content: '{"summary":"s","description":"","kind":"script","lock":"","schema":{"2":1,"1":2}}',
      },
    ]);
  });

  test("says of its lock what is known: nothing yet, that none is needed, or the lock", () => {
    expect(JSON.parse(metadataOf({ ...script, lock: null }))).not.toHaveProperty("lock");
    expect(JSON.parse(metadataOf({ ...script, lock: "" }))).toMatchObject({ lock: "" });
    expect(JSON.parse(metadataOf({ ...script, lock: "a==1" }))).toMatchObject({ lock: "a==1" });
  });

  test("leaves out what is off, computed, empty or of this instance alone", () => {
    const options = {
      tag: "gpu",
      dedicated_worker: false,
      restart_unless_cancelled: true,
      auto_kind: "lib",
      assets: [],
      on_behalf_of: "u/a",
      on_behalf_of_email: "a@example.com",
      modules: {},
      labels: ["x"],
    };
    const {
      lock: _,
      schema: __,
      ...fields
    } = JSON.parse(metadataOf({ ...script, options })) as Record<string, unknown>;
    expect(fields).toEqual({
      summary: "s",
      description: "",
      kind: "script",
      tag: "gpu",
      restart_unless_cancelled: true,
      on_behalf_of_email: "a@example.com",
      labels: ["x"],
    });
  });

  test.each([
    ["bun", "bun", ".ts"],
    ["bun", "deno", ".bun.ts"],
    ["bunnative", "bun", ".ts"],
    ["deno", "bun", ".deno.ts"],
    ["deno", "deno", ".ts"],
    ["python3", "bun", ".py"],
    ["postgresql", "bun", ".pg.sql"],
    ["ansible", "bun", ".playbook.yml"],
    ["dbt", "bun", null],
    ["cobol", "bun", null],
  ] as const)("of %s where plain TypeScript is %s ends in %s", (language, defaultTs, extension) => {
    expect(scriptExtension(language, defaultTs)).toBe(extension);
  });
});
