import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { longestName, pathOf, toolName } from "./name.ts";

describe("tool names", () => {
  test.each([
    ["script", "u/admin/script", "s-u_admin_script"],
    ["flow", "f/folder/flow", "f-f_folder_flow"],
    ["script", "u/clay/parallel_execution", "s-u_clay_parallel__execution"],
  ] as const)("of the %s %s is %s, as Windmill's", (kind, path, name) => {
    expect(toolName(kind, path)).toBe(name);
    expect(pathOf(name)).toEqual({ kind, path });
  });

  test("a name that would not lead back is hashed", () => {
    const names = ["u/a/_x", "u/a/x.y", "u/a@b/x"].map((path) => toolName("script", path));
    expect(names.filter((name) => !/^S-[A-Za-z0-9_-]+[0-9a-f]{16}$/.test(name))).toEqual([]);
    expect(toolName("script", "u/a_/x")).toBe("s-u_a___x");
    expect(new Set(names).size).toBe(3);
    expect(names.map(pathOf)).toEqual([null, null, null]);
  });

  test("ten thousand paths: within the limit, of allowed characters, there and back or hashed, and never the same", () => {
    const part = fc.stringMatching(/^[A-Za-z0-9_.@-]{1,30}$/);
    const path = fc
      .tuple(fc.constantFrom("u", "f", "g"), part, fc.array(part, { minLength: 1, maxLength: 3 }))
      .map(([kind, owner, rest]) => [kind, owner, ...rest].join("/"));
    const seen = new Map<string, string>();
    fc.assert(
      fc.property(path, (each) => {
        const name = toolName("script", each);
        expect(name.length).toBeLessThanOrEqual(longestName);
        expect(name).toMatch(/^[A-Za-z0-9_-]+$/);
        if (name.startsWith("s-")) expect(pathOf(name)?.path).toBe(each);
        expect(seen.get(name) ?? each).toBe(each);
        seen.set(name, each);
      }),
      { numRuns: 10_000 },
    );
  });
});
