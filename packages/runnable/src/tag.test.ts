import { expect, test } from "vitest";
import { defaultTag, fillIn, isOpenTo, parseCustomTag, requireTag, type TagRules } from "./tag.ts";

const rules: TagRules = { custom: [], perWorkspace: false, served: new Set(["served"]) };

test("a job's default tag follows its language, else its kind", () => {
  const tagOf = (
    kind: Parameters<typeof defaultTag>[0]["kind"],
    language: Parameters<typeof defaultTag>[0]["language"],
  ): string => defaultTag({ kind, language, workspace: "w" }, rules);
  expect(tagOf("script", "python3")).toBe("python3");
  expect(tagOf("script", "bunnative")).toBe("nativets");
  expect(tagOf("dependencies", "bun")).toBe("dependency");
  expect(tagOf("flow", null)).toBe("flow");
  expect(tagOf("noop", null)).toBe("other");
});

test("default tags end in the workspace where the instance says so", () => {
  const at = (perWorkspace: boolean | string[]): string =>
    defaultTag({ kind: "script", language: "bun", workspace: "w" }, { ...rules, perWorkspace });
  expect([at(true), at(["w"]), at(["x"]), at(false)]).toEqual(["bun-w", "bun-w", "bun", "bun"]);
});

test("added tags may be kept to workspaces, or from them", () => {
  const open = (text: string): boolean[] => ["a", "b"].map((workspace) => isOpenTo(parseCustomTag(text), workspace));
  expect(open("gpu")).toEqual([true, true]);
  expect(open("gpu(a+c)")).toEqual([true, false]);
  expect(open("gpu(^a^c)")).toEqual([false, true]);
  expect(parseCustomTag("node-$args[x]").name).toBe("node-$args[x]");
});

test("templates take the workspace and arguments, never more", () => {
  const fill = (template: string, args: unknown): string =>
    fillIn(template, { workspace: "w$&", args: JSON.stringify(args) });
  expect(fill("a-$workspace-$args[x.y]", { x: { y: "z" } })).toBe("a-w$&-z");
  expect(fill("$args[n]$args[o]$args[missing.deep]", { n: 1, o: { a: true } })).toBe('1{"a":true}');
  expect(fill("$args[__proto__]$args[constructor.name]", {})).toBe("");
  expect(fill("$args[$workspace]", {})).toBe("$args[w$&]");
});

test("a chosen tag must be known, served or added for the workspace", () => {
  const check = (tag: string, custom: string[] = []): void =>
    requireTag(tag, { tag, workspace: "w", rules: { ...rules, custom: custom.map(parseCustomTag) } });
  for (const tag of ["bun", "bun-w", "served", "dependency"]) expect(() => check(tag)).not.toThrow();
  expect(() => check("gpu", ["gpu(w)"])).not.toThrow();
  expect(() => check("gpu", ["gpu(x)"])).toThrow(/not available in workspace w/);
  // an added rule also narrows a tag that workers serve
  expect(() => check("served", ["served(x)"])).toThrow(/"served"/);
  expect(() => check("bun-x")).toThrow(/"bun-x"/);
  expect(() => check("x".repeat(300))).toThrow(/not available/);
});
