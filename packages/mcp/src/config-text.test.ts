import { expect, test } from "vitest";
import { configClients, configText } from "./config-text.ts";

const asked = { baseUrl: "http://localhost:8000/", workspace: "blueprint", token: "abc" };

test("the JSON form is the one of the guide", () => {
  expect(JSON.parse(configText({ ...asked, client: "json", name: "windmill" }))).toEqual({
    mcpServers: { windmill: { type: "sse", url: "http://localhost:8000/api/mcp/w/blueprint/sse?token=abc" } },
  });
});

test("Claude Code gets one command", () => {
  expect(configText({ ...asked, client: "claude-code" })).toBe(
    "claude mcp add --transport http towermill 'http://localhost:8000/api/mcp/w/blueprint/mcp' --header 'Authorization: Bearer abc'",
  );
});

test.each(configClients)(
  "%s: without a token nothing stands in its place, and the address of all workspaces is named",
  (client) => {
    const text = configText({ client, baseUrl: "https://t.example", workspace: null });
    expect(text).toContain("https://t.example/api/mcp");
    expect(text).not.toMatch(/undefined|null|Bearer/);
  },
);

test("nothing can be smuggled into a command", () => {
  expect(() => configText({ ...asked, client: "claude-code", name: "x; rm -rf /" })).toThrow(
    "cannot be a server's name",
  );
  expect(() => configText({ ...asked, client: "claude-code", token: "a' b" })).toThrow("no token has");
  expect(configText({ ...asked, client: "claude-code", workspace: "a'b" })).toContain("a'b".replace("'", "%27"));
});

test("the bridge is told to take an address without TLS that is not of this machine", () => {
  const bridge = (baseUrl: string): string => configText({ ...asked, client: "claude", baseUrl });
  expect(bridge("http://server.lan:8000")).toContain("--allow-http");
  expect(bridge("http://localhost:8000")).not.toContain("--allow-http");
  expect(bridge("https://server.lan")).not.toContain("--allow-http");
});
