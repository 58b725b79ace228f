import { sql } from "@towermill/store";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { listenForChanges } from "./support/mcp-listen.ts";
import { mcpWorld, type McpWorld } from "./support/mcp-world.ts";

/**
 * What must not work. The thirty cases that other servers have got wrong, and where each is tried:
 * 1–4, 8, 14, 19: "who may enter"; 5, 6, 10, 12, 13: "what a confined token sees and calls"; 7, 9, 11: "roles";
 * 20, 21: here ("streams") and in mcp-behaviour.test.ts; 25: "sealed questions"; 26: "tasks" in mcp-behaviour.test.ts;
 * 27, 29, 30: "arguments"; 28: "narrowing"; 15–18, 23, 24: mcp-oauth.test.ts; 22: there and in client-document.test.ts.
 */

let world: McpWorld;

const grants: Record<string, string[]> = {
  reader: ["jobs:read"],
  writer: ["scripts:write"],
  lookalike: ["mcpx:all"],
  prefix: ["mcp-foo"],
  tags: ["if_jobs:filter_tags:bun"],
  folder: ["mcp:scripts:f/a/*", "mcp:endpoints:*"],
  onlyFolder: ["mcp:scripts:f/a/*"],
  oneEndpoint: ["mcp:endpoints:listVariable"],
  favorites: ["mcp:favorites"],
  bare: ["mcp"],
  bareWithin: ["mcp", "variables:read"],
  levelRead: ["mcp:level:read"],
  toolset: ["mcp:toolset:variables:ro"],
};

beforeAll(async () => {
  world = await mcpWorld();
  for (const [token, scopes] of Object.entries(grants)) await world.addToken({ name: "alice", token, scopes });
  await world.addToken({ name: "alice", token: "gone", scopes: ["mcp:all"], expired: true });
  await world.addToken({ name: "alice", token: "readOnly", scopes: ["mcp:all"], readOnly: true });
  await world.addToken({ name: "alice", token: "boundToW", scopes: ["mcp:all"], workspace: "w" });
  await world.addToken({ name: "olga", token: "operator", scopes: ["mcp:all"] });
  await world.addToken({ name: "bob", token: "bobAll", scopes: ["mcp:all"] });
  await world.addScript({ path: "f/a/x", summary: "X", schema: { type: "object", properties: {} } });
  await world.addScript({ path: "f/ab/x", summary: "AB" });
  await world.addScript({ path: "u/alice/own", summary: "Own" });
  await world.addScript({ path: `f/ab/${"long".repeat(20)}`, summary: "Long" });
  const starred = await fetch(`${world.url}/api/w/w/favorites/star`, {
    method: "POST",
    headers: { authorization: "Bearer alice", "content-type": "application/json" },
    body: JSON.stringify({ path: "u/alice/own", favorite_kind: "script" }),
  });
  expect(starred.status).toBe(200);
});

async function list(token: string, path = "/api/mcp/w/w/mcp", headers: Record<string, string> = {}): Promise<string[]> {
  const { message, status, text } = await world.rpc(token, "tools/list", { path, headers });
  if (!message?.result?.tools) throw new Error(`${status} ${text}`);
  return message.result.tools.map((tool) => tool.name);
}

/** What a call came to: its text, prefixed with how it ended. */
async function call(
  token: string,
  name: string,
  args: object = {},
  options: { path?: string; headers?: Record<string, string> } = {},
): Promise<string> {
  const { message, status, text } = await world.rpc(token, "tools/call", {
    params: { name, arguments: args },
    ...options,
  });
  if (message?.error) return `error ${message.error.code}: ${message.error.message}`;
  if (!message?.result) return `http ${status}: ${text}`;
  return `${message.result.isError ? "refused" : "ok"}: ${message.result.content?.[0]?.text ?? ""}`;
}

const methods = ["initialize", "server/discover", "tools/list", "tools/call", "resources/list", "ping"];

describe("who may enter", () => {
  test("no token is 401 with the address of the metadata, and no JSON-RPC answer", async () => {
    const { status, headers, message } = await world.rpc(null, "initialize");
    expect(status).toBe(401);
    expect(headers.get("www-authenticate")).toBe(
      'Bearer resource_metadata="http://localhost:8000/.well-known/oauth-protected-resource/api/mcp/w/w/mcp"',
    );
    expect(message).not.toHaveProperty("jsonrpc");
  });

  test.each(["garbage", "gone", "tmj_0"])("the token %s is 401 invalid_token", async (token) => {
    const { status, headers } = await world.rpc(token, "tools/list");
    expect([status, headers.get("www-authenticate")]).toEqual([401, expect.stringContaining('error="invalid_token"')]);
  });

  test("a revoked token is 401 at once", async () => {
    await world.addToken({ name: "alice", token: "short", scopes: ["mcp:all"] });
    expect((await world.rpc("short", "tools/list")).status).toBe(200);
    await world.revoke("short");
    expect((await world.rpc("short", "tools/list")).status).toBe(401);
  });

  test.each(["reader", "writer", "lookalike", "prefix"])(
    "a token without an MCP scope (%s) is 403 on every entry",
    async (token) => {
      for (const path of ["/api/mcp/w/w/mcp", "/api/mcp/w/w/sse", "/api/mcp", "/api/mcp/gateway"]) {
        for (const method of methods) {
          const { status, headers, text } = await world.rpc(token, method, { path });
          expect([path, method, status]).toEqual([path, method, 403]);
          expect(headers.get("www-authenticate")).toContain('error="insufficient_scope"');
          expect(text).toContain("missing mcp scope");
        }
      }
      for (const [method, path] of [
        ["GET", "sse"],
        ["POST", "message?sessionId=x"],
        ["GET", "list_tools"],
        ["GET", "explain?tool=x"],
      ] as const) {
        const response = await fetch(`${world.url}/api/mcp/w/w/${path}`, {
          method,
          headers: { authorization: `Bearer ${token}` },
        });
        expect([path, response.status]).toEqual([path, 403]);
      }
    },
  );

  test("a token of tag filters only, and one without scopes, may enter", async () => {
    expect(await list("tags")).toContain("listJobs");
    expect(await list("alice")).toContain("listJobs");
  });

  test("another workspace is 403, for strangers and for tokens bound elsewhere", async () => {
    expect((await world.rpc("alice", "tools/list", { path: "/api/mcp/w/other/mcp" })).status).toBe(403);
    expect((await world.rpc("boundToW", "tools/list", { path: "/api/mcp/w/other/mcp" })).status).toBe(403);
    expect((await world.rpc("alice", "tools/list", { path: "/api/mcp/w/nowhere/mcp" })).status).toBe(403);
  });

  test("a workspace that was left is refused in a call of the address of all workspaces", async () => {
    expect(await call("alice", "listVariable", { workspace: "other" }, { path: "/api/mcp" })).toMatch(
      /^refused: workspace: you are not a member/,
    );
    expect(await call("alice", "listVariable", { workspace: "w" }, { path: "/api/mcp" })).toMatch(/^ok/);
    expect(await call("boundToW", "listVariable", { workspace: "other" }, { path: "/api/mcp" })).toMatch(/^refused/);
  });

  test("somebody who leaves a workspace is refused from then on, with any token", async () => {
    const listed = async (token: string, path: string): Promise<number> =>
      (await world.rpc(token, "tools/list", { path })).status;
    await world.db.execute(sql`insert into account (email, super_admin) values ('leaver@example.com', false)`);
    await world.db.execute(
      sql`insert into member (workspace_id, username, email) values ('w', 'leaver', 'leaver@example.com')`,
    );
    await world.addToken({ name: "leaver", token: "leaver" });
    expect(await listed("leaver", "/api/mcp/w/w/mcp")).toBe(200);
    expect(await call("leaver", "listVariable", { workspace: "w" }, { path: "/api/mcp" })).toMatch(/^ok/);
    await world.db.execute(sql`delete from member where email = 'leaver@example.com'`);
    world.bus.publish("changed", ["member:w:leaver@example.com"]);
    expect(await listed("leaver", "/api/mcp/w/w/mcp")).toBe(403);
    expect(await call("leaver", "listVariable", { workspace: "w" }, { path: "/api/mcp" })).toMatch(
      /^refused: workspace: you are not a member/,
    );
  });

  test("a foreign Origin is 403; so is a name for this machine that is not its own", async () => {
    expect((await world.rpc("alice", "tools/list", { headers: { origin: "https://evil.example" } })).status).toBe(403);
    const rebound = await world.mcp.fetch(
      new Request("http://evil.example/api/mcp/w/w/mcp", {
        method: "POST",
        headers: { host: "evil.example", authorization: "Bearer alice" },
      }),
    );
    expect(rebound.status).toBe(403);
  });

  test("the address of all workspaces takes no token in the query, and no cookie is accepted anywhere", async () => {
    expect((await world.rpc(null, "tools/list", { path: "/api/mcp?token=alice" })).status).toBe(401);
    expect((await world.rpc(null, "tools/list", { headers: { cookie: "token=alice" } })).status).toBe(401);
    expect((await world.rpc(null, "tools/list", { path: "/api/mcp/w/w/sse?token=alice" })).status).toBe(200);
  });
});

describe("what a confined token sees and calls", () => {
  test("paths of its folder only; a longer name is not in the folder", async () => {
    const names = await list("folder");
    expect(names).toContain("s-f_a_x");
    expect(names.filter((name) => /^[sS]-/.test(name))).toEqual(["s-f_a_x"]);
    expect(await call("folder", "s-f_a_x")).toMatch(/^ok/);
    expect(await call("folder", "s-f_ab_x")).toMatch(/^refused: .*scopes do not cover/);
    expect(await call("folder", "runScriptByPath", { path: "f/ab/x" })).toMatch(/^refused/);
    expect(await call("folder", "runScriptByPath", { path: "f/a/x" })).toMatch(/^ok/);
  });

  test("endpoints are confined too: reading, deploying, and lists", async () => {
    expect(await call("folder", "getScriptByPath", { path: "u/alice/own" })).toMatch(/^refused/);
    expect(await call("folder", "getScriptByPath", { path: "f/a/x" })).toMatch(/^ok/);
    expect(
      await call("folder", "createScript", {
        body: { path: "u/alice/new", summary: "", content: "export function main() {}", language: "bun" },
      }),
    ).toMatch(/^refused/);
    expect(
      await call("folder", "createVariable", { body: { path: "u/alice/secret", value: "1", is_secret: false } }),
    ).toMatch(/^refused/);
    const scripts = await call("folder", "listScripts");
    expect(scripts).toContain("f/a/x");
    expect(scripts).not.toMatch(/f\/ab|u\/alice/);
  });

  test("what cannot be confined is neither listed nor called", async () => {
    expect(await list("folder")).not.toContain("runScriptPreview");
    expect(
      await call("folder", "runScriptPreview", { body: { content: "1", language: "bun", path: "f/a/x" } }),
    ).toMatch(/^refused/);
  });

  test("drafts outside of the scope are neither changed nor deployed, and the trash is nobody's who is confined", async () => {
    const draft = { kind: "script", path: "u/alice/own" };
    const fields = { content: "export function main() { return 2; }", language: "bun" };
    expect(await call("folder", "editDraft", { ...draft, fields })).toMatch(/^refused: .*does not cover u\/alice\/own/);
    expect(await call("alice", "editDraft", { ...draft, fields })).toMatch(/^ok/);
    for (const name of ["diffDraft", "testDraft", "deployDraft"])
      expect([name, await call("folder", name, draft)]).toEqual([
        name,
        expect.stringMatching(/^refused|^error -32602/),
      ]);
    expect(await call("folder", "editDraft", { kind: "script", path: "f/a/x", fields })).toMatch(/^ok/);
    expect(await call("onlyFolder", "editDraft", { kind: "script", path: "f/a/x", fields })).toMatch(/^error -32602/);
    expect(await call("operator", "editDraft", { kind: "script", path: "f/a/x", fields })).toMatch(/^error -32602/);
    expect(await call("readOnly", "editDraft", { ...draft, fields })).toMatch(/^error -32602/);
    expect(await call("readOnly", "diffDraft", draft)).toMatch(/^ok/);
    expect(await call("folder", "listTrash")).toMatch(/^refused: .*confined/);
    expect(await call("folder", "restoreTrashItem", { id: "1" })).toMatch(/^refused: .*confined/);
    expect(await list("folder", "/api/mcp/w/w/mcp?toolsets=trash")).toEqual([]);
  });

  test("a hashed name outside of the scope is refused", async () => {
    const hashed = (await list("bobAll")).find((name) => name.startsWith("S-")) ?? "";
    expect(hashed).toMatch(/^S-.{22}[0-9a-f]{16}$/);
    expect(await call("onlyFolder", hashed)).toMatch(/^refused/);
  });

  test("one endpoint is one endpoint", async () => {
    expect(await list("oneEndpoint")).toEqual(["listVariable"]);
    expect(await call("oneEndpoint", "listVariable")).toMatch(/^ok/);
    expect(await call("oneEndpoint", "getVariable", { path: "u/alice/v" })).toMatch(
      /^refused: getVariable is not available/,
    );
    expect(await call("oneEndpoint", "s-f_a_x")).toMatch(/^refused/);
  });

  test("favourites only: another script is refused even by name and by path", async () => {
    const names = await list("favorites");
    expect(names.filter((name) => /^[sS]-/.test(name))).toEqual(["s-u_alice_own"]);
    expect(await call("favorites", "s-u_alice_own")).toMatch(/^ok/);
    expect(await call("favorites", "s-f_a_x")).toMatch(/^refused: .*favourites/);
    expect(await call("favorites", "runScriptByPath", { path: "f/a/x" })).toMatch(/^refused/);
    expect(await call("favorites", "runScriptByPath", { path: "u/alice/own" })).toMatch(/^ok/);
  });

  test("the bare mcp scope of the guide covers everything, or what the other scopes leave", async () => {
    expect(await list("bare")).toEqual(expect.arrayContaining(["createVariable", "s-f_a_x"]));
    expect(
      await call("bare", "createVariable", { body: { path: "u/alice/bare", value: "1", is_secret: false } }),
    ).toMatch(/^ok/);
    expect(await list("bareWithin")).toEqual(["getVariable", "listVariable"]);
    expect(
      await call("bareWithin", "createVariable", { body: { path: "u/alice/no", value: "1", is_secret: false } }),
    ).toMatch(/^refused/);
  });

  test("a toolset, read only", async () => {
    expect(await list("toolset")).toEqual(["getVariable", "listVariable"]);
  });
});

describe("roles", () => {
  test.each(["readOnly", "levelRead"])("%s: no writing tool is listed, and none is called by name", async (token) => {
    const { message } = await world.rpc(token, "tools/list");
    const tools = (message?.result?.tools ?? []) as { name: string; annotations: { readOnlyHint: boolean } }[];
    expect(tools.length).toBeGreaterThan(5);
    expect(tools.filter((tool) => !tool.annotations.readOnlyHint)).toEqual([]);
    expect(await call(token, "createVariable", { body: { path: "u/alice/ro", value: "1", is_secret: false } })).toMatch(
      /^refused/,
    );
    expect(await call(token, "s-f_a_x")).toMatch(/^refused/);
    expect(await call(token, "runScriptByPath", { path: "f/a/x" })).toMatch(/^refused/);
  });

  test("an operator writes nothing, and runs what it may read", async () => {
    const names = await list("operator");
    expect(names).not.toContain("createScript");
    expect(names).not.toContain("runScriptPreview");
    expect(
      await call("operator", "createVariable", { body: { path: "u/olga/v", value: "1", is_secret: false } }),
    ).toMatch(/^refused/);
    expect(await call("operator", "s-f_a_x")).toMatch(/^ok/);
    expect(await call("operator", "s-u_alice_own")).toMatch(/^error -32602: Unknown tool/);
  });

  test("what one may not read is unknown, not refused", async () => {
    expect(await list("bobAll")).not.toContain("s-u_alice_own");
    expect(await call("bobAll", "s-u_alice_own")).toMatch(/^error -32602: Unknown tool/);
    expect(await call("bobAll", "getScriptByPath", { path: "u/alice/own" })).toMatch(/^refused: .*404/);
  });

  test("the job of somebody else is not found: state, logs, result, cancel", async () => {
    const { message } = await world.rpc("alice", "tools/call", { params: { name: "s-u_alice_own", arguments: {} } });
    const id = String(message?.result?.structuredContent?.["job_id"]);
    expect(await call("alice", "getJob", { id })).toMatch(/^ok/);
    for (const name of ["getJob", "getJobLogs", "getCompletedJobResultMaybe", "cancelQueuedJob", "waitForJob"]) {
      expect(await call("bobAll", name, { id })).toMatch(/^refused: .*not found/i);
    }
    const read = await world.rpc("bobAll", "resources/read", { params: { uri: `wm://w/jobs/${id}/result` } });
    expect(read.message?.error?.code).toBe(-32602);
    const own = await world.rpc("alice", "resources/read", { params: { uri: `wm://w/jobs/${id}/result` } });
    expect(own.message?.result).toMatchObject({ contents: [{ text: '{"echo":{}}' }] });
  });
});

describe("jobs and resources of a narrow token", () => {
  test("it follows the jobs of what it may run, and no others; code only where its tool is allowed", async () => {
    const idOf = async (name: string): Promise<string> => {
      const { message } = await world.rpc("alice", "tools/call", { params: { name, arguments: {} } });
      return String(message?.result?.structuredContent?.["job_id"]);
    };
    const [inside, outside] = [await idOf("s-f_a_x"), await idOf("s-u_alice_own")];
    expect(await call("onlyFolder", "waitForJob", { id: inside })).toMatch(/^ok/);
    expect(await call("onlyFolder", "waitForJob", { id: outside })).toMatch(/^refused: .*not found/);
    expect(await call("oneEndpoint", "waitForJob", { id: inside })).toMatch(/^error -32602/);
    const read = async (token: string, uri: string): Promise<boolean> =>
      (await world.rpc(token, "resources/read", { params: { uri } })).message?.result !== undefined;
    expect(await read("onlyFolder", `wm://w/jobs/${inside}/result`)).toBe(true);
    expect(await read("onlyFolder", `wm://w/jobs/${outside}/result`)).toBe(false);
    expect(await read("oneEndpoint", `wm://w/jobs/${inside}`)).toBe(false);
    expect(await read("oneEndpoint", "wm://w/scripts/u/alice/own")).toBe(false);
    expect(await read("onlyFolder", "wm://w/scripts/f/a/x")).toBe(false);
    expect(await read("folder", "wm://w/scripts/f/a/x")).toBe(true);
    expect(await read("folder", "wm://w/scripts/u/alice/own")).toBe(false);
    expect(await read("alice", "wm://other/scripts/u/alice/own")).toBe(false);
  });
});

describe("narrowing", () => {
  test("by query and header it only takes away", async () => {
    expect(await list("oneEndpoint", "/api/mcp/w/w/mcp?tools=listVariable,createVariable")).toEqual(["listVariable"]);
    expect(await list("oneEndpoint", "/api/mcp/w/w/mcp", { "x-mcp-toolsets": "variables,scripts" })).toEqual([
      "listVariable",
    ]);
    expect(await list("alice", "/api/mcp/w/w/mcp?toolsets=variables&readonly=true")).toEqual([
      "getVariable",
      "listVariable",
    ]);
    expect(
      await call(
        "alice",
        "createVariable",
        { path: "u/alice/n", value: "", is_secret: false },
        { path: "/api/mcp/w/w/mcp?readonly" },
      ),
    ).toMatch(/^refused/);
    expect(await call("alice", "listVariable", {}, { headers: { "x-mcp-exclude-tools": "listVariable" } })).toMatch(
      /^refused/,
    );
  });
});

describe("arguments", () => {
  test("a workspace in the arguments never leads out of the one in the address", async () => {
    expect(await call("alice", "listVariable", { workspace: "other" })).toMatch(
      /^refused: workspace: this address is for the workspace w/,
    );
    expect(
      await call("alice", "createVariable", {
        body: { workspace: "other", path: "u/alice/wsx", value: "1", is_secret: false },
      }),
    ).not.toContain("other");
  });

  test.each([
    "../../other/variables/list",
    "u/alice/../bob/x",
    "u%2Falice%2Fown",
    "u/alice/own\u0000",
    "",
    "/",
    "..",
    "?decrypt_secret=true",
  ])("the path %j leads nowhere", async (path) =>
    expect(await call("alice", "getScriptByPath", { path })).toMatch(/^refused/),
  );

  test("another function than main cannot be chosen", async () => {
    expect(await call("alice", "s-f_a_x", { _ENTRYPOINT_OVERRIDE: "other" })).toMatch(/^refused: _ENTRYPOINT_OVERRIDE/);
    expect(await call("alice", "runScriptByPath", { path: "f/a/x", args: { _ENTRYPOINT_OVERRIDE: "other" } })).toMatch(
      /^refused: _ENTRYPOINT_OVERRIDE/,
    );
  });

  test("a body beyond the limit is 413; a batch is no request", async () => {
    const huge = await fetch(`${world.url}/api/mcp/w/w/mcp`, {
      method: "POST",
      headers: {
        authorization: "Bearer alice",
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list", params: { x: "y".repeat(9_000_000) } }),
    });
    expect(huge.status).toBe(413);
  });

  test("several requests in one post are refused to clients of 2026-07-28", async () => {
    const meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    const request = (id: number) => ({ jsonrpc: "2.0", id, method: "tools/list", params: { _meta: meta } });
    const response = await fetch(`${world.url}/api/mcp/w/w/mcp`, {
      method: "POST",
      headers: {
        authorization: "Bearer alice",
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/list",
      },
      body: JSON.stringify([request(1), request(2)]),
    });
    expect([response.status, await response.text()]).toEqual([400, expect.not.stringContaining('"tools"')]);
  });

  test("headers that contradict the body are refused", async () => {
    const meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    const { status, message } = await world.rpc("alice", "tools/list", {
      params: { _meta: meta },
      headers: { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call" },
    });
    expect([status, message?.error?.code]).toEqual([400, -32020]);
  });
});

describe("sealed questions", () => {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } },
  };
  const remove = async (token: string, path: string, more: object = {}) => {
    const { message } = await world.rpc(token, "tools/call", {
      params: { name: "deleteVariable", arguments: { path }, _meta: meta, ...more },
      headers: { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "deleteVariable" },
    });
    return { error: message?.error, result: message?.result as Record<string, unknown> | undefined };
  };
  const inputResponses = { confirm: { action: "accept", content: { confirm: true } } };
  const there = async (path: string): Promise<boolean> =>
    (await world.db.query(sql`select from variable where path = ${path}`)).length > 0;

  test("tampered with, given by somebody else, or about something else, they confirm nothing", async () => {
    for (const path of ["u/alice/sealed", "u/alice/other"])
      expect(await call("alice", "createVariable", { body: { path, value: "1", is_secret: false } })).toMatch(/^ok/);
    const asked = await remove("alice", "u/alice/sealed");
    expect(asked.result).toMatchObject({ resultType: "input_required" });
    const requestState = String(asked.result?.["requestState"]);
    const changed = requestState.slice(0, -3) + (requestState.endsWith("AAA") ? "BBB" : "AAA");
    expect((await remove("alice", "u/alice/sealed", { inputResponses, requestState: changed })).error?.code).toBe(
      -32602,
    );
    expect((await remove("bobAll", "u/alice/sealed", { inputResponses, requestState })).error?.code).toBe(-32602);
    expect((await remove("alice", "u/alice/other", { inputResponses, requestState })).result).toMatchObject({
      resultType: "input_required",
    });
    expect((await remove("alice", "u/alice/sealed", { inputResponses })).result).toMatchObject({
      resultType: "input_required",
    });
    expect([await there("u/alice/sealed"), await there("u/alice/other")]).toEqual([true, true]);
    expect((await remove("alice", "u/alice/sealed", { inputResponses, requestState })).result).not.toMatchObject({
      isError: true,
    });
    expect([await there("u/alice/sealed"), await there("u/alice/other")]).toEqual([false, true]);
  });

  test("are good for ten minutes", async () => {
    const asked = await remove("alice", "u/alice/other");
    const requestState = String(asked.result?.["requestState"]);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 601_000 });
    try {
      expect((await remove("alice", "u/alice/other", { inputResponses, requestState })).error?.code).toBe(-32602);
    } finally {
      vi.useRealTimers();
    }
    expect(await there("u/alice/other")).toBe(true);
  });
});

describe("streams", () => {
  test("of changes end at once when their token is revoked, or its owner leaves", async () => {
    const open = async (token: string) => {
      const reader = await listenForChanges(`${world.url}/api/mcp/w/w/mcp`, { token });
      return async (): Promise<number> => {
        const from = performance.now();
        while (!(await reader.read()).done);
        return performance.now() - from;
      };
    };
    await world.addToken({ name: "alice", token: "listening", scopes: ["mcp:all"] });
    const ended = await open("listening");
    await world.revoke("listening");
    expect(await ended()).toBeLessThan(5000);
    await world.addToken({ name: "bob", token: "bobListening", scopes: ["mcp:all"] });
    const left = await open("bobListening");
    await world.db.execute(sql`delete from member where workspace_id = 'w' and username = 'bob'`);
    world.bus.publish("changed", ["member:w:bob@example.com"]);
    expect(await left()).toBeLessThan(5000);
  });
});

test("no token is in the audit trail", async () => {
  const read = () =>
    world.db.query<{ parameters: unknown; resource: string }>(
      sql`select resource, parameters from audit where operation = 'mcp.call'`,
    );
  await expect.poll(async () => (await read()).length).toBeGreaterThan(20);
  const rows = await read();
  expect(JSON.stringify(rows)).not.toMatch(/bobAll|oneEndpoint|levelRead/);
});

test("nothing failed on the server", () => expect(world.errors).toEqual([]));
