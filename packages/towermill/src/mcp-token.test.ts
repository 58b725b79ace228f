import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { whenDone } from "@towermill/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { makeMcpToken, type McpTokenOptions } from "./mcp-token.ts";
import { readSettings } from "./setting.ts";

let url = "";
const asked: { authorization: string | undefined; body: Record<string, unknown> }[] = [];
const settings = readSettings({}, {});
const now = new Date("2026-01-01T00:00:00Z");

beforeAll(async () => {
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      asked.push({ authorization: request.headers.authorization, body: JSON.parse(text) as Record<string, unknown> });
      response.end("new-token");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  whenDone(() => void server.close());
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

const make = async (options: Partial<McpTokenOptions>): Promise<Record<string, unknown> | undefined> => {
  const none = { workspace: undefined, scopes: undefined, label: undefined, expires: undefined };
  expect(await makeMcpToken({ ...none, url, token: "mine", ...options }, settings, now)).toBe("new-token");
  expect(asked.at(-1)?.authorization).toBe("Bearer mine");
  return asked.at(-1)?.body;
};

describe("a token for an MCP client", () => {
  test("covers everything for ninety days unless told otherwise", async () => {
    expect(await make({})).toEqual({ label: "mcp", scopes: ["mcp:all"], expiration: "2026-04-01T00:00:00.000Z" });
  });

  test.each([
    ["mcp", ["mcp"]],
    ["mcp,variables:read", ["mcp", "variables:read"]],
    ["mcp:endpoints:listVariable,getVariable", ["mcp:endpoints:listVariable,getVariable"]],
    ["mcp:scripts:f/a/*,u/x/y,mcp:flows:*", ["mcp:scripts:f/a/*,u/x/y", "mcp:flows:*"]],
    ["mcp:favorites mcp:toolset:jobs:ro", ["mcp:favorites", "mcp:toolset:jobs:ro"]],
  ])("has the scopes %s", async (scopes, list) => {
    expect(await make({ scopes, workspace: "w", expires: "2027-01-01" })).toMatchObject({
      scopes: list,
      workspace_id: "w",
      expiration: "2027-01-01T00:00:00.000Z",
    });
  });
});
