import { describe, expect, test } from "vitest";
import { confinement, coversPath, readGrant } from "./grant.ts";

describe("what a token's scopes grant over MCP", () => {
  test("a token without scopes, or with tag filters only, may do everything", () => {
    expect(readGrant(null)?.endpoints.has("*")).toBe(true);
    expect(readGrant(["if_jobs:filter_tags:gpu"])?.endpoints.has("*")).toBe(true);
  });

  test.each([
    ["jobs:read"],
    ["scripts:write"],
    ["mcpx:all"],
    ["mcp-foo"],
    ["mcp:foo"],
    ["MCP"],
    ["mcp:"],
    ["mcp:constructor"],
  ])("%s grants nothing", (scope) => expect(readGrant([scope])).toBeNull());

  test("an empty list of scopes grants nothing", () => expect(readGrant([])).toBeNull());

  test("the bare mcp grants everything within the token's other scopes", () => {
    expect(readGrant(["mcp"])).toMatchObject({ within: null, scripts: ["*"] });
    expect(readGrant(["mcp", "scripts:read"])?.within).toEqual(["scripts:read"]);
  });

  test("a granular scope beside the bare mcp wins, because it is narrower", () => {
    expect(readGrant(["mcp", "mcp:scripts:f/a/*"])).toMatchObject({ scripts: ["f/a/*"], flows: [], within: null });
    expect(readGrant(["mcp", "mcp:scripts:f/a/*"])?.endpoints.size).toBe(0);
  });

  test("a pattern covers its prefix and what lies below it, not a longer name", () => {
    expect(coversPath(["f/a/*"], "f/a/x")).toBe(true);
    expect(coversPath(["f/a/*"], "f/a")).toBe(true);
    expect(coversPath(["f/a/*"], "f/ab/x")).toBe(false);
    expect(coversPath(["u/user/*"], "u/username/x")).toBe(false);
    expect(coversPath([], "u/x/y")).toBe(false);
  });

  test("only paths confine, a star does not", () => {
    const confined = (scope: string) => confinement(readGrant([scope]) ?? expect.fail("no grant"));
    expect(confined("mcp:scripts:f/a/*")).toEqual(["f/a/*"]);
    expect(confined("mcp:scripts:*")).toBeNull();
    expect(confined("mcp:endpoints:listVariable")).toBeNull();
    expect(confined("mcp:all:f/a/*")).toEqual(["f/a/*", "f/a/*"]);
  });
});
