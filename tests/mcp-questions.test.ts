import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { sql } from "@towermill/store";
import { whenDone } from "@towermill/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { mcpWorld, type McpWorld } from "./support/mcp-world.ts";

/** Clients of the 2025 revisions that can put a question to their user, as most editors can. */

let world: McpWorld;

beforeAll(async () => {
  world = await mcpWorld();
});

async function createVariable(path: string): Promise<void> {
  const body = { path, value: "1", is_secret: false };
  const made = await fetch(`${world.url}/api/w/w/variables/create`, {
    method: "POST",
    headers: { authorization: "Bearer alice", "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(made.status).toBe(201);
}

async function exists(path: string): Promise<boolean> {
  return (await world.db.query(sql`select from variable where workspace_id = 'w' and path = ${path}`)).length > 0;
}

const transports = {
  "Streamable HTTP": () => new StreamableHTTPClientTransport(new URL(`${world.url}/api/mcp/w/w/mcp?token=alice`)),
  "Streamable HTTP on the SSE address": () =>
    new StreamableHTTPClientTransport(new URL(`${world.url}/api/mcp/w/w/sse?token=alice`)),
  "HTTP+SSE": () => new SSEClientTransport(new URL(`${world.url}/api/mcp/w/w/sse?token=alice`)),
};

describe.each(Object.entries(transports))("over %s", (_, transport) => {
  test("a destructive call asks the user first: no is no, yes is yes, closing the question is no", async () => {
    const answers = ["decline", "cancel", "accept"] as const;
    const asked: string[] = [];
    const client = new Client({ name: "editor", version: "3" }, { capabilities: { elicitation: {} } });
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      const action = answers[asked.length] ?? "decline";
      asked.push(params.message);
      return action === "accept" ? { action, content: { confirm: true } } : { action };
    });
    await client.connect(transport() as never);
    whenDone(() => client.close());
    await createVariable("u/alice/asked");
    const remove = () => client.callTool({ name: "deleteVariable", arguments: { path: "u/alice/asked" } });
    for (const _no of ["decline", "cancel"]) {
      expect(await remove()).toMatchObject({
        isError: true,
        content: [{ text: expect.stringContaining("not agree") }],
      });
      expect(await exists("u/alice/asked")).toBe(true);
    }
    expect(await remove()).not.toMatchObject({ isError: true });
    expect(await exists("u/alice/asked")).toBe(false);
    expect(asked).toEqual(Array(3).fill("Delete a variable: u/alice/asked? It stays in the trash for three days."));
  });

  test("what the user agreed to already is not asked again", async () => {
    const client = new Client({ name: "editor", version: "3" }, { capabilities: { elicitation: {} } });
    client.setRequestHandler(ElicitRequestSchema, () => expect.fail("a question was asked"));
    await client.connect(transport() as never);
    whenDone(() => client.close());
    await createVariable("u/alice/agreed");
    const args = { path: "u/alice/agreed", confirm: true };
    expect(await client.callTool({ name: "deleteVariable", arguments: args })).not.toMatchObject({ isError: true });
    expect(await exists("u/alice/agreed")).toBe(false);
  });
});

interface Posted {
  response: Response;
  /** The next message of the answer. */
  next(): Promise<{ id?: string; method?: string; result?: { isError?: boolean } }>;
  drop(): Promise<void>;
}

/** A session made by hand, so that each of its posts can go to another process. */
async function session(token = "alice") {
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };
  const post = async (url: string, body: object, id?: string): Promise<Posted> => {
    const response = await fetch(`${url}/api/mcp/w/w/mcp`, {
      method: "POST",
      headers: { ...headers, ...(id ? { "mcp-session-id": id } : {}) },
      body: JSON.stringify({ jsonrpc: "2.0", ...body }),
    });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const next = async (): Promise<never> => {
      for (;;) {
        const [frame, data] = /^(?:.+\n)*?data: (.+)\n\n/m.exec(text) ?? [];
        if (frame !== undefined && data !== undefined) {
          text = text.slice(text.indexOf(frame) + frame.length);
          return JSON.parse(data) as never;
        }
        const { value, done } = (await reader?.read()) ?? { done: true };
        if (done) throw new Error(`the answer has ended: ${text}`);
        text += value;
      }
    };
    return { response, next, drop: async () => reader?.cancel() };
  };
  const params = {
    protocolVersion: "2025-11-25",
    clientInfo: { name: "editor", version: "3" },
    capabilities: { elicitation: {} },
  };
  const opened = await post(world.url, { id: 0, method: "initialize", params });
  const id = opened.response.headers.get("mcp-session-id") ?? "";
  await opened.drop();
  return { id, post: (url: string, body: object) => post(url, body, id) };
}

const accept = { action: "accept", content: { confirm: true } };
const remove = (path: string, id: number | string = 1) => ({
  id,
  method: "tools/call",
  params: { name: "deleteVariable", arguments: { path } },
});

describe("an answer", () => {
  test("finds its question in another process; nobody else can give it, and only once", async () => {
    const other = await world.another();
    const { post } = await session();
    await createVariable("u/alice/far");
    const call = await post(other.url, remove("u/alice/far"));
    const { id, method } = await call.next();
    expect([method, id]).toEqual(["elicitation/create", expect.stringMatching(/^[A-Za-z0-9]{32}$/)]);
    const stranger = await session("bob");
    expect((await stranger.post(world.url, { id, result: accept })).response.status).toBe(400);
    expect(await exists("u/alice/far")).toBe(true);
    expect((await post(world.url, { id, result: accept })).response.status).toBe(202);
    expect(await call.next()).toMatchObject({ id: 1, result: { content: expect.anything() } });
    expect(await exists("u/alice/far")).toBe(false);
    await expect.poll(async () => (await post(world.url, { id, result: accept })).response.status).toBe(400);
  });

  test("comes to calls of any id", async () => {
    const { post } = await session();
    await createVariable("u/alice/strange");
    const call = await post(world.url, remove("u/alice/strange", "introduction"));
    await post(world.url, { id: (await call.next()).id, result: accept });
    expect(await call.next()).toMatchObject({ id: "introduction", result: { content: expect.anything() } });
    expect(await exists("u/alice/strange")).toBe(false);
  });

  test("is for its own question when a session has several open", async () => {
    const { post } = await session();
    for (const name of ["one", "two"]) await createVariable(`u/alice/${name}`);
    const calls = await Promise.all(["one", "two"].map((name) => post(world.url, remove(`u/alice/${name}`))));
    const [one, two] = await Promise.all(calls.map((call) => call.next()));
    expect(one?.id).not.toBe(two?.id);
    await post(world.url, { id: two?.id, result: accept });
    await post(world.url, { id: one?.id, result: { action: "decline" } });
    await Promise.all(calls.map((call) => call.next()));
    expect([await exists("u/alice/one"), await exists("u/alice/two")]).toEqual([true, false]);
  });

  test("that never comes leaves nothing behind: the call that is dropped does nothing", async () => {
    const { post } = await session();
    await createVariable("u/alice/kept");
    const call = await post(world.url, remove("u/alice/kept"));
    const { id } = await call.next();
    const rows = () => world.db.query(sql`select from mcp_stream where id = ${id ?? ""}`);
    expect(await rows()).toHaveLength(1);
    await call.drop();
    await expect.poll(rows).toEqual([]);
    expect((await post(world.url, { id, result: accept })).response.status).toBe(400);
    expect(await exists("u/alice/kept")).toBe(true);
  });
});

test("a session id tells who calls, in a process that came later as well, and a wrong one no more than nothing", async () => {
  const { id, post } = await session();
  const later = await world.another();
  const far = await post(later.url, { id: 1, method: "tools/call", params: { name: "listResource", arguments: {} } });
  expect((await far.next()).result).toBeDefined();
  expect(id).toMatch(/^[A-Za-z0-9]{32}\.[A-Za-z0-9_-]+$/);
  const call = (sessionId: string, tool: string) =>
    world.rpc("alice", "tools/call", {
      params: { name: tool, arguments: {} },
      headers: { "mcp-session-id": sessionId },
    });
  expect((await call(id, "listVariable")).status).toBe(200);
  for (const wrong of ["x", `${id.slice(0, 33)}AAAA`, `${"a".repeat(32)}.e30`]) {
    expect((await call(wrong, "listSchedules")).message?.result).toBeDefined();
  }
  const clients = () =>
    world.db.query<{ client: string; tool: string }>(
      sql`select distinct parameters->>'client' as client, resource as tool from audit where resource in ('listVariable', 'listResource') order by 2`,
    );
  await expect.poll(clients).toEqual([
    { client: "editor 3", tool: "listResource" },
    { client: "editor 3", tool: "listVariable" },
  ]);
});

test("nothing failed on the server", () => expect(world.errors).toEqual([]));
