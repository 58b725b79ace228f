import { Client as ModernClient, StreamableHTTPClientTransport as ModernHttp } from "@modelcontextprotocol/client";
import { Client as V1Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport as V1Http } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { whenDone } from "@towermill/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { mcpWorld, type McpWorld } from "./support/mcp-world.ts";

let world: McpWorld;

beforeAll(async () => {
  world = await mcpWorld();
  await world.addScript({
    path: "u/alice/parallel_execution",
    summary: "Tests Promise.all with concurrent operations",
    schema: { type: "object", properties: { count: { type: "integer" } }, required: ["count"] },
  });
});

interface Tool {
  name: string;
}

interface Result {
  isError?: boolean;
  content: { type: string; text?: string }[];
  structuredContent?: Record<string, unknown>;
}

/** What the suite needs of any client. */
interface AnyClient {
  list(): Promise<Tool[]>;
  call(name: string, args: Record<string, unknown>): Promise<Result>;
}

const info = { name: "suite", version: "1.0.0" };

async function v1(transport: V1Http | SSEClientTransport): Promise<AnyClient> {
  const client = new V1Client(info);
  await client.connect(transport as never);
  whenDone(() => client.close());
  return {
    list: async () => (await client.listTools()).tools,
    call: async (name, args) => (await client.callTool({ name, arguments: args })) as Result,
  };
}

async function v2(mode: "auto" | "legacy" | { pin: string }): Promise<AnyClient> {
  const client = new ModernClient(info, { versionNegotiation: { mode } } as never);
  await client.connect(
    new ModernHttp(new URL(`${world.url}/api/mcp/w/w/mcp`), {
      requestInit: { headers: { authorization: "Bearer alice" } },
    }),
  );
  whenDone(() => client.close());
  return {
    list: async () => (await client.listTools()).tools,
    call: async (name, args) => (await client.callTool({ name, arguments: args })) as Result,
  };
}

const clients: Record<string, () => Promise<AnyClient>> = {
  "the v1 client over the mission's SSE address with the token in it": () =>
    v1(new SSEClientTransport(new URL(`${world.url}/api/mcp/w/w/sse?token=alice`))),
  "the v1 client over SSE with a header": () => {
    const headers = { authorization: "Bearer alice" };
    const withHeaders: typeof fetch = (url, init) =>
      fetch(url, { ...init, headers: { ...(init?.headers as Record<string, string>), ...headers } });
    return v1(
      new SSEClientTransport(new URL(`${world.url}/api/mcp/w/w/sse`), { requestInit: { headers }, fetch: withHeaders }),
    );
  },
  "the v1 client over Streamable HTTP on the SSE address": () =>
    v1(new V1Http(new URL(`${world.url}/api/mcp/w/w/sse?token=alice`))),
  "the v1 client over Streamable HTTP": () => v1(new V1Http(new URL(`${world.url}/api/mcp/w/w/mcp?token=alice`))),
  "the v2 client by itself": () => v2("auto"),
  "the v2 client speaking 2025": () => v2("legacy"),
  "the v2 client speaking 2026-07-28": () => v2({ pin: "2026-07-28" }),
};

describe.each(Object.entries(clients))("%s", (_, connect) => {
  test("lists the tools of the workspace and of its scripts, and calls both kinds", async () => {
    const client = await connect();
    const names = (await client.list()).map((tool) => tool.name);
    expect(names).toEqual(
      expect.arrayContaining(["listVariable", "createScript", "waitForJob", "s-u_alice_parallel__execution"]),
    );
    const made = await client.call("createVariable", {
      workspace: "w",
      body: { path: `u/alice/v${Math.random().toString(36).slice(2)}`, value: "x", is_secret: false },
    });
    expect(made).not.toMatchObject({ isError: true });
    const run = await client.call("s-u_alice_parallel__execution", { count: 3 });
    expect(run.content[0]?.text).toBe('{"echo":{"count":3}}');
    expect(run.structuredContent).toMatchObject({ status: "success", result: { echo: { count: 3 } } });
    const jobs = await client.call("listJobs", { per_page: 5 });
    expect(jobs.structuredContent?.["items"]).toContainEqual(
      expect.objectContaining({ script_path: "u/alice/parallel_execution", success: true }),
    );
  });
});

test("nothing failed on the server", () => expect(world.errors).toEqual([]));
