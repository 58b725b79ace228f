import { expect, test } from "vitest";
import { parseNpmSpecifier } from "./npm-specifier.ts";
import { workspaceCandidates } from "./workspace-import.ts";

test.each([
  ["./x", "f/a/b", ["f/a/x"]],
  ["../c/x.ts", "f/a/b", ["f/c/x", "f/c/x.ts"]],
  ["/u/me/x", "f/a/b", ["u/me/x"]],
  ["./x.bun.ts", "f/a/b", ["f/a/x.bun", "f/a/x", "f/a/x.bun.ts"]],
  ["../../../etc/x", "f/a/b", []],
  ["/etc/passwd", "f/a/b", []],
  ["/f/../../etc/passwd", "f/a/b", []],
  ["./a\0b", "f/a/b", []],
])("%j from %s may be %j", (specifier, importer, candidates) => {
  expect(workspaceCandidates(specifier, importer)).toEqual(candidates);
});

test.each([
  ["lodash", ["lodash", null, ""]],
  ["lodash@4/fp", ["lodash", "4", "/fp"]],
  ["@a/b@^1.2.0/c/d.js", ["@a/b", "^1.2.0", "/c/d.js"]],
  ["npm:zod@>=3 <5", ["zod", ">=3 <5", ""]],
])("%s names %j", (specifier, [name, version, subpath]) => {
  expect(parseNpmSpecifier(specifier, "f/a/b")).toEqual({ name, version, subpath });
});
