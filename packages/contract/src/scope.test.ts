import { describe, expect, test } from "vitest";
import { isScope, scopePathPatterns, scopesAllow, scopesReach, scopeText, type RequiredScope } from "./scope.ts";

const read = (path?: string): RequiredScope => ({ domain: "scripts", action: "read", path });
const write = (path?: string): RequiredScope => ({ domain: "scripts", action: "write", path });
const run = (kind?: string, path?: string): RequiredScope => ({ domain: "jobs", action: "run", kind, path });

describe("scopes", () => {
  test.each<[string[] | null, RequiredScope, boolean]>([
    [null, write("f/a/b"), true],
    [[], read(), false],
    [["scripts:read"], read("f/a/b"), true],
    [["scripts:read"], write("f/a/b"), false],
    [["scripts:write"], read("f/a/b"), true],
    [["scripts:delete"], write("f/a/b"), true],
    [["scripts:read:f/a/b"], read("f/a/b"), true],
    [["scripts:read:f/a/b"], read("f/a/c"), false],
    [["scripts:read:f/a/b"], read(), false],
    [["scripts:read:f/a/*"], read("f/a/b/c"), true],
    [["scripts:read:f/a/*"], read("f/a"), true],
    [["scripts:read:f/a/*"], read("f/ab"), false],
    [["scripts:read:f/x,f/a/b"], read("f/a/b"), true],
    [["flows:read"], read("f/a/b"), false],
    [["jobs:run"], run("scripts", "f/a/b"), true],
    [["jobs:run:scripts"], run("scripts", "f/a/b"), true],
    [["jobs:run:flows"], run("scripts", "f/a/b"), false],
    [["jobs:run:scripts:f/a/b"], run("scripts", "f/a/b"), true],
    [["jobs:run:scripts:f/a/b"], run("scripts", "f/a/c"), false],
    [["jobs:run:scripts:f/a/b"], run(), false],
    [["jobs:read"], run("scripts", "f/a/b"), false],
    [["if_jobs:filter_tags:gpu"], read(), false],
    [["app_embed"], read(), false],
    [["scripts:read:a:b"], read("a"), false],
    [["scripts"], read(), false],
    [["a:b:c:d:e"], read(), false],
  ])("%j for %j: %s", (scopes, required, allowed) => {
    expect(scopesAllow(scopes, required)).toBe(allowed);
  });

  test("are recognised when tokens are made, anything else is not", () => {
    for (const text of ["scripts:read", "jobs:run:flows:f/*", "mcp:all", "mcp", "if_jobs:filter_tags:a,b"])
      expect(isScope(text)).toBe(true);
    for (const text of ["", "scripts", "scripts:fly", "nothing:read", "scripts:read:a:b", "a:b:c:d:e"])
      expect(isScope(text)).toBe(false);
  });

  test("narrow lists to their paths, or not at all", () => {
    expect(scopePathPatterns(null, "scripts")).toBeNull();
    expect(scopePathPatterns(["scripts:read"], "scripts")).toBeNull();
    expect(scopePathPatterns(["scripts:read:f/a,f/b/*"], "scripts")).toEqual(["f/a", "f/b/*"]);
    expect(scopePathPatterns(["flows:read"], "scripts")).toEqual([]);
  });

  test("are named in refusals as Windmill names them", () => {
    expect(scopeText(run("scripts", "f/a/b"))).toBe("jobs:run:scripts:f/a/b");
    expect(scopeText(read())).toBe("scripts:read");
  });
});

test("scopes reach what answers by their paths, whatever these are, and nothing of another domain or action", () => {
  const reading = { domain: "scripts", action: "read" } as const;
  for (const scopes of [
    null,
    ["scripts:read"],
    ["scripts:read:f/a/*"],
    ["scripts:write:u/x/y"],
    ["flows:read", "scripts:read:*"],
  ])
    expect(scopesReach(scopes, reading)).toBe(true);
  for (const scopes of [[], ["flows:read"], ["jobs:run:scripts:f/a/*"], ["scripts"], ["scripts:read:a:b"]])
    expect(scopesReach(scopes, reading)).toBe(false);
  expect(scopesReach(["scripts:read:f/a/*"], { domain: "scripts", action: "write" })).toBe(false);
});
