import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { configText } from "@towermill/mcp";
import { sql } from "@towermill/store";
import { whenDone } from "@towermill/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { mcpWorld, type McpWorld } from "./support/mcp-world.ts";

/** The guide that started this, followed to the letter: its token, its address, its transport, its conversations. */

let world: McpWorld;
let mcp: {
  callTool(name: string, args: Record<string, unknown>): Promise<Result>;
  listTools(): Promise<{ name: string }[]>;
};

interface Result {
  isError?: boolean;
  content: { type: string; text?: string }[];
  structuredContent?: Record<string, unknown>;
}

beforeAll(async () => {
  world = await mcpWorld();
  await world.addScript({
    path: "u/alice/parallel_execution",
    summary: "Tests Promise.all with concurrent operations",
    schema: { type: "object", properties: {} },
  });
  await world.addScript({
    path: "u/alice/database_backup",
    summary: "Backs up the database",
    schema: { type: "object", properties: {} },
  });
  const made = await fetch(`${world.url}/api/users/tokens/create`, {
    method: "POST",
    headers: { authorization: "Bearer alice", "content-type": "application/json" },
    body: JSON.stringify({ label: "claude", scopes: ["mcp"], workspace_id: "w", expiration: "2099-01-01T00:00:00Z" }),
  });
  expect(made.status).toBe(201);
  const config = JSON.parse(
    configText({ client: "json", baseUrl: world.url, workspace: "w", token: await made.text(), name: "windmill" }),
  ) as { mcpServers: { windmill: { url: string } } };
  const client = new Client({ name: "claude", version: "1" });
  await client.connect(new SSEClientTransport(new URL(config.mcpServers.windmill.url)) as never);
  whenDone(() => client.close());
  mcp = {
    callTool: async (name, args) => (await client.callTool({ name, arguments: args })) as Result,
    listTools: async () => (await client.listTools()).tools,
  };
});

describe("the three conversations", () => {
  test("run the parallel_execution test script", async () => {
    expect(await mcp.callTool("s-u_alice_parallel__execution", {})).toMatchObject({
      structuredContent: { status: "success" },
    });
  });

  test("check the status of the last 5 jobs", async () => {
    const { structuredContent } = await mcp.callTool("listJobs", { per_page: 5 });
    expect(structuredContent?.["items"]).toEqual([
      expect.objectContaining({ script_path: "u/alice/parallel_execution", success: true }),
    ]);
  });

  test("run the database backup script every night at 2 am", async () => {
    const body = {
      path: "u/alice/nightly_backup",
      schedule: "0 0 2 * * *",
      timezone: "UTC",
      script_path: "u/alice/database_backup",
      is_flow: false,
      enabled: true,
      args: {},
    };
    expect(await mcp.callTool("createSchedule", { body })).not.toMatchObject({ isError: true });
    expect((await mcp.callTool("getSchedule", { path: "u/alice/nightly_backup" })).structuredContent).toMatchObject({
      schedule: "0 0 2 * * *",
      enabled: true,
    });
  });
});

describe("the testing plan of the flow tools", () => {
  test("lists them", async () => {
    const tools = (await mcp.listTools()).map((tool) => tool.name);
    expect(tools.filter((name) => name.includes("Flow"))).toEqual(
      expect.arrayContaining(["createFlow", "updateFlow", "archiveFlowByPath", "deleteFlowByPath"]),
    );
  });

  test("creates, updates, archives and deletes a flow, word for word", async () => {
    const value = {
      modules: [
        {
          id: "a",
          value: { type: "rawscript", content: 'export async function main() { return "Hello"; }', language: "deno" },
        },
      ],
    };
    const path = "f/test/example_flow";
    const ok = async (name: string, args: Record<string, unknown>): Promise<void> =>
      expect([name, await mcp.callTool(name, args)]).toEqual([name, expect.not.objectContaining({ isError: true })]);
    await ok("createFlow", { workspace: "w", body: { path, summary: "Test flow", value } });
    await ok("updateFlow", {
      workspace: "w",
      path,
      body: { summary: "Updated test flow", deployment_message: "Updated via MCP" },
    });
    const { structuredContent } = await mcp.callTool("getFlowByPath", { path });
    expect(structuredContent).toMatchObject({ summary: "Updated test flow", value });
    expect((await mcp.listTools()).map((tool) => tool.name)).toContain("f-f_test_example__flow");
    await ok("archiveFlowByPath", { workspace: "w", path, body: { archived: true } });
    expect((await mcp.listTools()).map((tool) => tool.name)).not.toContain("f-f_test_example__flow");
    await ok("deleteFlowByPath", { workspace: "w", path, query: { keep_captures: false } });
    expect(await world.db.query(sql`select from flow where path = ${path}`)).toEqual([]);
  });
});

test("nothing failed on the server", () => expect(world.errors).toEqual([]));
