import { describe, expect, test } from "vitest";
import { isItemPath, requireItemPath } from "./path.ts";

describe("item paths", () => {
  test.each(["u/alice/x", "f/team/a/b/c", "g/all/x", "u/a.b@c/x-1_y"])("%s is one", (path) => {
    expect(isItemPath(path)).toBe(true);
  });

  test.each([
    "",
    "u/alice",
    "x/y/z",
    "u//x",
    "/u/a/b",
    "u/a/b/",
    "u/../b",
    "f/a/..",
    "f/a/./b",
    "u/a b/c",
    "u/a/b\n",
    "u/a/b\0",
    "u/a/é",
    "hub/1/x",
    `f/a/${"x".repeat(300)}`,
  ])("%j is none, and the error names the field", (path) => {
    expect(isItemPath(path)).toBe(false);
    expect(() => requireItemPath(path, "script_path")).toThrow(/^script_path: /);
  });
});
