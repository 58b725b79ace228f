import { Client } from "@modelcontextprotocol/client";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as V1Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport as V1Http } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { sql } from "@towermill/store";
import { whenDone } from "@towermill/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { mcpWorld, type McpWorld } from "./support/mcp-world.ts";

let world: McpWorld;

const longLog = Array.from({ length: 3000 }, (_, n) => `this is line ${n}\n`).join("");

beforeAll(async () => {
  world = await mcpWorld();
  await world.addScript({ path: "u/alice/verbose", summary: "Verbose" });
  await world.addScript({
    path: "u/alice/quick",
    summary: "Quick",
    schema: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] },
  });
  await world.addScript({ path: "u/alice/slow", summary: "Slow" });
  await world.addScript({ path: "u/alice/fails", summary: "Fails" });
  await world.addScript({ path: "u/alice/large", summary: "Large" });
  await world.addScript({ path: "u/alice/draft", draftOnly: true });
  await world.addScript({ path: "u/alice/silent" });
  await world.addScript({
    path: "u/alice/hinted",
    summary: "Hinted",
    schema: {
      type: "object",
      properties: {
        db: { type: "object", format: "resource-postgresql" },
        "two words": { type: "string", originalType: "string" },
      },
      "x-mcp": { name: "count_users", description: "Counts the users.", read_only: true },
    },
  });
  await world.db.execute(sql`insert into resource (workspace_id, path, resource_type, value)
    values ('w', 'u/alice/pg', 'postgresql', '{}'), ('w', 'u/bob/pg', 'postgresql', '{}')`);
  world.run(async (job) => {
    if (job.path === "u/alice/verbose") await world.log(job, 0, longLog);
    if (job.path === "u/alice/fails")
      return { status: "failure", result: '{"error":{"name":"TypeError","message":"no such column"}}' };
    if (job.path === "u/alice/large")
      return {
        status: "success",
        result: JSON.stringify({ rows: "x".repeat(60_000), exact: "9007199254740993" }).replace(
          '"9007199254740993"',
          "9007199254740993",
        ),
      };
    if (job.path !== "u/alice/slow") return { status: "success", result: job.args ?? "null" };
    for (let line = 1; line <= 3; line += 1) await world.log(job, (line - 1) * 7, `line ${line}\n`);
    return null;
  });
});

interface Result {
  isError?: boolean;
  content: { type: string; text?: string; uri?: string }[];
  structuredContent?: Record<string, unknown>;
}

async function modern(
  token = "alice",
  {
    path = "/api/mcp/w/w/mcp",
    url = world.url,
    capabilities = {},
  }: { path?: string; url?: string; capabilities?: object } = {},
) {
  const client = new Client({ name: "suite", version: "1" }, {
    capabilities,
    versionNegotiation: { mode: { pin: "2026-07-28" } },
  } as never);
  await client.connect(
    new StreamableHTTPClientTransport(new URL(url + path), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    }),
  );
  whenDone(() => client.close());
  const call = async (name: string, args: object = {}, options: object = {}): Promise<Result> =>
    (await client.callTool({ name, arguments: args as Record<string, unknown> }, options as never)) as Result;
  return { client, call };
}

async function sse(url = world.url, token = "alice") {
  const client = new V1Client({ name: "suite", version: "1" });
  await client.connect(new SSEClientTransport(new URL(`${url}/api/mcp/w/w/sse?token=${token}`)) as never);
  whenDone(() => client.close());
  return client;
}

async function statusOf(id: unknown): Promise<string | undefined> {
  const row = await world.db.maybe<{
    state: string;
  }>(sql`select coalesce(d.status, case when q.canceled_by is not null then 'canceling' else 'running' end) as state
    from job j left join job_done d using (id) left join job_queue q using (id) where j.id = ${String(id)}`);
  return row?.state;
}

async function newestJob(path: string): Promise<string | undefined> {
  return (
    await world.db.query<{ id: string }>(
      sql`select id from job where script_path = ${path} order by created_at desc limit 1`,
    )
  )[0]?.id;
}

describe("runs", () => {
  test("a failure is a result that says what failed and what to do next", async () => {
    const { call } = await modern();
    const { isError, content } = await call("s-u_alice_fails");
    expect(isError).toBe(true);
    expect(content[0]?.text).toMatch(/^Job [0-9a-f-]{36} failed: TypeError: no such column\n.*getJobLogs/s);
  });

  test("missing and misspelt arguments are told with what is expected, before anything runs", async () => {
    const { call } = await modern();
    expect((await call("s-u_alice_quick")).content[0]?.text).toBe(
      'n: is required by u/alice/quick\nExpected n: {"type":"integer"}',
    );
    expect((await call("s-u_alice_quick", { n: 1, nn: 2 })).content[0]?.text).toContain("Did you mean n?");
  });

  test("a long run answers its id; waiting goes on with it, its log is there, cancelling ends it", async () => {
    const { call } = await modern();
    const started = await call("runScriptByPath", { path: "u/alice/slow", args: {} });
    const id = started.content[0]?.text;
    const waited = await call("waitForJob", { id, timeout_seconds: 1 });
    expect(waited.structuredContent).toMatchObject({ job_id: id, status: "running" });
    expect(waited.structuredContent?.["log_tail"]).toContain("line 3");
    expect((await call("getJobLogs", { id })).content[0]?.text).toContain("line 1");
    expect(await call("cancelQueuedJob", { id })).not.toMatchObject({ isError: true });
    await expect.poll(() => statusOf(id)).toMatch(/cancel/);
  });

  test("progress tells the newest line of the log, and rises", async () => {
    const { client } = await modern();
    const told: { progress: number; message?: string }[] = [];
    const wait = client.callTool(
      { name: "s-u_alice_slow", arguments: {}, _meta: { "towermill/wait_seconds": 5 } } as never,
      { onprogress: (progress: { progress: number; message?: string }) => told.push(progress) } as never,
    );
    expect(await wait).toMatchObject({ structuredContent: { status: "running" } });
    expect(told.length).toBeGreaterThanOrEqual(3);
    expect(told.map((each) => each.progress)).toEqual(told.map((each) => each.progress).sort((a, b) => a - b));
    expect(told.some((each) => each.message?.includes("line"))).toBe(true);
  });

  test.each(["2026-07-28", "2025 with a session", "sse"])(
    "a client that gives up cancels the job within two seconds (%s)",
    async (kind) => {
      const before = await newestJob("u/alice/slow");
      const stop = new AbortController();
      let running: Promise<unknown>;
      if (kind === "2026-07-28")
        running = (await modern()).client.callTool({ name: "s-u_alice_slow", arguments: {} }, {
          signal: stop.signal,
        } as never);
      else {
        const client = kind === "sse" ? await sse() : new V1Client({ name: "suite", version: "1" });
        if (kind !== "sse") {
          await client.connect(new V1Http(new URL(`${world.url}/api/mcp/w/w/mcp?token=alice`)) as never);
          whenDone(() => client.close());
        }
        running = client.callTool({ name: "s-u_alice_slow", arguments: {} }, undefined, { signal: stop.signal });
      }
      running.catch(() => undefined);
      await expect.poll(() => newestJob("u/alice/slow"), { timeout: 5000 }).not.toBe(before);
      stop.abort();
      const id = await newestJob("u/alice/slow");
      await expect.poll(() => statusOf(id), { timeout: 2000 }).toMatch(/cancel/);
    },
  );

  test("a result beyond the limit is a preview and a link; the whole is exact", async () => {
    const { client, call } = await modern();
    const { content, structuredContent } = await call("s-u_alice_large");
    expect(JSON.parse(content[0]?.text ?? "")).toMatchObject({ truncated: true });
    const link = content.find((each) => each.type === "resource_link")?.uri ?? "";
    expect(link).toBe(`wm://w/jobs/${String(structuredContent?.["job_id"])}/result`);
    const { contents } = await client.readResource({ uri: link });
    expect(contents[0]).toMatchObject({
      mimeType: "application/json",
      text: `{"rows":"${"x".repeat(60_000)}","exact":9007199254740993}`,
    });
  });
});

test("a long log is read page by page, whole lines each, or at once by its link", async () => {
  const { client, call } = await modern();
  const id = (await call("runScriptByPath", { path: "u/alice/verbose", args: {} })).content[0]?.text ?? "";
  await expect.poll(() => statusOf(id)).toBe("success");
  const pages: string[] = [];
  let offset: number | undefined = 0;
  while (offset !== undefined) {
    const { structuredContent } = (await call("getJobLogs", { id, offset })) as {
      structuredContent?: { result?: string; next_offset?: number };
    };
    pages.push(structuredContent?.result ?? "");
    offset = structuredContent?.next_offset;
  }
  expect([pages.length, pages.every((page) => page.length <= 20_000 && page.endsWith("\n"))]).toEqual([3, true]);
  expect(pages.join("")).toBe(longLog);
  const first = await call("getJobLogs", { id });
  const link = first.content.find((each) => each.type === "resource_link")?.uri ?? "";
  expect(JSON.stringify(await client.readResource({ uri: link }))).toContain("line 2999\\n");
});

describe("tasks", () => {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": { extensions: { "io.modelcontextprotocol/tasks": {} } },
  };
  const ask = async (
    method: string,
    params: Record<string, unknown>,
    {
      token = "alice",
      declared = meta,
      name = String(params["taskId"] ?? params["name"]),
    }: { token?: string; declared?: object; name?: string } = {},
  ) => {
    const { message, status } = await world.rpc(token, method, {
      params: { ...params, _meta: declared },
      headers: { "mcp-protocol-version": "2026-07-28", "mcp-method": method, "mcp-name": name },
    });
    return { status, error: message?.error, result: message?.result as Record<string, unknown> | undefined };
  };

  test("a run that takes longer is a task to clients that know tasks; its owner follows and cancels it", async () => {
    const { result: task } = await ask("tools/call", { name: "s-u_alice_slow", arguments: {} });
    expect(task).toMatchObject({
      resultType: "task",
      status: "working",
      taskId: expect.stringMatching(/^w:[0-9a-f-]{36}$/),
    });
    const taskId = String(task?.["taskId"]);
    expect((await ask("tasks/get", { taskId })).result).toMatchObject({ status: "working", taskId });
    expect((await ask("tasks/get", { taskId }, { token: "bob" })).error?.code).toBe(-32602);
    expect((await ask("tasks/get", { taskId }, { name: "w:other" })).error?.code).toBe(-32020);
    expect((await ask("tasks/get", { taskId: "w:00000000-0000-0000-0000-000000000000" })).error?.code).toBe(-32602);
    expect((await ask("tasks/cancel", { taskId })).error).toBeUndefined();
    await expect.poll(() => statusOf(taskId.slice(2))).toMatch(/cancel/);
  });

  test("a run that ends soon is its result; of one that ended, the task holds it", async () => {
    const { result } = await ask("tools/call", { name: "s-u_alice_quick", arguments: { n: 5 } });
    expect(result).toMatchObject({ structuredContent: { status: "success", result: { n: 5 } } });
    const { job_id: id } = (result?.["structuredContent"] ?? {}) as { job_id?: string };
    expect((await ask("tasks/get", { taskId: `w:${id ?? ""}` })).result).toMatchObject({
      status: "completed",
      result: { structuredContent: { result: { n: 5 } } },
    });
  });

  test("a client that does not know tasks is told so", async () => {
    const declared = { ...meta, "io.modelcontextprotocol/clientCapabilities": {} };
    expect((await ask("tasks/get", { taskId: "w:x" }, { declared })).error?.code).toBe(-32021);
  });
});

describe("tools of scripts", () => {
  test("can be called the moment they are deployed, before any process has heard of it", async () => {
    const { call } = await modern();
    await call("s-u_alice_quick", { n: 1 });
    await world.db
      .execute(sql`insert into script (workspace_id, hash, path, summary, content, language, lock, created_by)
      values ('w', 'c0ffee0000000001', 'u/alice/unheard', '', 'export function main() {}', 'bun', '', 'alice')`);
    expect((await call("s-u_alice_unheard")).structuredContent).toMatchObject({ status: "success" });
  });

  test("the author's name, description and hints win; resources are those the caller may read", async () => {
    const { client } = await modern();
    const tool = (await client.listTools()).tools.find((each) => each.name === "count_users");
    expect(tool).toMatchObject({
      description: "Counts the users.\nRuns the script u/alice/hinted.",
      annotations: { readOnlyHint: true, destructiveHint: false },
      inputSchema: { properties: { db: { type: "string", enum: ["$res:u/alice/pg"] }, two_words: { type: "string" } } },
    });
  });

  test("arguments come to the script under its own names", async () => {
    const { call } = await modern();
    expect((await call("count_users", { two_words: "x" })).structuredContent).toMatchObject({
      result: { "two words": "x" },
    });
  });

  test("explain says why a tool is listed or not", async () => {
    await world.addToken({ name: "alice", token: "narrow", scopes: ["mcp:endpoints:listVariable"] });
    const explained = async (tool: string, token = "alice"): Promise<unknown> =>
      (
        await fetch(`${world.url}/api/mcp/w/w/explain?tool=${encodeURIComponent(tool)}`, {
          headers: { authorization: `Bearer ${token}` },
        })
      ).json();
    expect(await explained("s-u_alice_quick")).toMatchObject({ listed: true });
    expect(await explained("u/alice/silent")).toMatchObject({
      listed: true,
      reason: expect.stringContaining("no summary"),
    });
    expect(await explained("u/alice/draft")).toMatchObject({ listed: false, because: "draft" });
    expect(await explained("u/alice/quick", "narrow")).toMatchObject({ listed: false, because: "scope" });
    expect(await explained("u/alice/draft", "bob")).toMatchObject({ listed: false, because: "unknown" });
    expect(await explained("createVariable", "narrow")).toMatchObject({
      listed: false,
      because: "scope",
      reason: expect.stringContaining("mcp:endpoints:createVariable"),
    });
    expect(await explained("createToken")).toMatchObject({ listed: false, because: "not_a_tool" });
    expect(await explained("s-u_alice_quik")).toMatchObject({
      because: "unknown",
      reason: expect.stringContaining("did you mean s-u_alice_quick"),
    });
  });
});

describe("changes", () => {
  const changedWithin = async (workspace: string, listen: () => Promise<{ heard: () => number }>): Promise<number> => {
    const { heard } = await listen();
    const before = heard();
    await world.addScript({
      path: `u/${workspace === "w" ? "alice" : "eve"}/new${Math.random().toString(36).slice(2)}`,
      workspace,
    });
    await expect
      .poll(() => heard() - before, { timeout: workspace === "w" ? 1000 : 300 })
      .toBeGreaterThan(0)
      .catch(() => undefined);
    return heard() - before;
  };
  const overSse = async (url: string) => {
    const client = await sse(url);
    let heard = 0;
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void (heard += 1));
    return { heard: () => heard };
  };
  const overListen = async (url: string) => {
    const client = new Client({ name: "suite", version: "1" }, {
      versionNegotiation: { mode: { pin: "2026-07-28" } },
      listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: () => void (heard += 1) } },
    } as never);
    let heard = 0;
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${url}/api/mcp/w/w/mcp`), {
        requestInit: { headers: { authorization: "Bearer alice" } },
      }),
    );
    whenDone(() => client.close());
    await new Promise((resolve) => setTimeout(resolve, 150));
    return { heard: () => heard };
  };

  /** A client of the 2025 revisions on the current transport, which opens a stream of its own. */
  const overHttp = async (url: string) => {
    const client = new V1Client({ name: "suite", version: "1" });
    let heard = 0;
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void (heard += 1));
    const address = new URL(`${url}/api/mcp/w/w/mcp`);
    const requestInit = { headers: { authorization: "Bearer alice" } };
    await client.connect(new V1Http(address, { requestInit }) as never);
    whenDone(() => client.close());
    await new Promise((resolve) => setTimeout(resolve, 150));
    return { heard: () => heard };
  };

  test("a stream of a session needs a session, and ends with its token", async () => {
    await world.addToken({ name: "alice", token: "streaming", scopes: ["mcp:all"] });
    const open = (sessionId: string, accept = "text/event-stream") =>
      fetch(`${world.url}/api/mcp/w/w/mcp`, {
        headers: { authorization: "Bearer streaming", accept, "mcp-session-id": sessionId },
      });
    expect((await open("nonsense")).status).toBe(405);
    expect((await open("a".repeat(32), "application/json")).status).toBe(405);
    const stream = await open("a".repeat(32));
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toContain("listening");
    await world.revoke("streaming");
    expect((await reader?.read())?.done).toBe(true);
    expect((await open("a".repeat(32))).status).toBe(401);
  });

  test("reach a listener in another process within a second, over every transport; other workspaces hear nothing", async () => {
    const { url } = await world.another();
    expect(await changedWithin("w", () => overHttp(url))).toBeGreaterThan(0);
    expect(await changedWithin("other", () => overHttp(url))).toBe(0);
    expect(await changedWithin("w", () => overSse(url))).toBeGreaterThan(0);
    expect(await changedWithin("w", () => overListen(url))).toBeGreaterThan(0);
    expect(await changedWithin("other", () => overSse(url))).toBe(0);
    expect(await changedWithin("other", () => overListen(url))).toBe(0);
  });

  test("a message for a stream that lives in another process gets there", async () => {
    const { url } = await world.another();
    const stream = await fetch(`${url}/api/mcp/w/w/sse?token=alice`);
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    const endpoint = /data: (.*)/.exec((await reader?.read())?.value ?? "")?.[1] ?? "";
    const posted = await fetch(world.url + endpoint, {
      method: "POST",
      body: JSON.stringify({ jsonrpc: "2.0", id: 7, method: "ping" }),
    });
    expect(posted.status).toBe(202);
    expect((await reader?.read())?.value).toContain('"id":7');
    const asBob = await fetch(world.url + endpoint.replace("token=alice", "token=bob"), { method: "POST", body: "{}" });
    expect(asBob.status).toBe(404);
    await reader?.cancel();
  });

  test("a stream takes messages only from the token that opened it, and ends when that is revoked", async () => {
    await world.addToken({ name: "alice", token: "brief", scopes: ["mcp:all"] });
    const stream = await fetch(`${world.url}/api/mcp/w/w/sse?token=brief`);
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    const endpoint = /data: (.*)/.exec((await reader?.read())?.value ?? "")?.[1] ?? "";
    const post = async (path: string): Promise<number> =>
      (await fetch(world.url + path, { method: "POST", body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' })).status;
    expect(await post(endpoint)).toBe(202);
    expect(await post(endpoint.replace("token=brief", "token=alice"))).toBe(404);
    expect(await post(endpoint.replace(/&token=.*/, ""))).toBe(401);
    await reader?.read();
    const started = performance.now();
    await world.revoke("brief");
    expect((await reader?.read())?.done).toBe(true);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe("confirmation", () => {
  test("a client that can ask its user does so before something is destroyed; a no is a no", async () => {
    const answers: ("accept" | "decline")[] = [];
    const { client, call } = await modern("alice", { capabilities: { elicitation: { form: {} } } });
    client.setRequestHandler("elicitation/create", (request) => {
      expect(request.params.message).toContain("u/alice/doomed");
      const action = answers.shift() ?? "decline";
      return action === "accept" ? { action, content: { confirm: true } } : { action };
    });
    await call("createVariable", { path: "u/alice/doomed", value: "1", is_secret: false });
    answers.push("decline");
    expect((await call("deleteVariable", { path: "u/alice/doomed" })).content[0]?.text).toContain("did not agree");
    expect(await call("getVariable", { path: "u/alice/doomed" })).not.toMatchObject({ isError: true });
    answers.push("accept");
    expect(await call("deleteVariable", { path: "u/alice/doomed" })).not.toMatchObject({ isError: true });
    expect(await call("getVariable", { path: "u/alice/doomed" })).toMatchObject({ isError: true });
  });

  test("a client that cannot ask goes on, and so does one that says it outright", async () => {
    const { call } = await modern();
    await call("createVariable", { path: "u/alice/doomed2", value: "1", is_secret: false });
    expect(await call("deleteVariable", { path: "u/alice/doomed2" })).not.toMatchObject({ isError: true });
  });
});

describe("the lean catalogue", () => {
  test("five tools find, describe and call all the others", async () => {
    const { client, call } = await modern("alice", { path: "/api/mcp/w/w/mcp?mode=lean" });
    const { tools } = await client.listTools();
    expect(tools.map((tool) => tool.name)).toEqual([
      "search_tools",
      "describe_tools",
      "call_tool",
      "waitForJob",
      "cancelQueuedJob",
    ]);
    const found = await call("search_tools", { query: "list variables" });
    expect(JSON.stringify(found.structuredContent)).toContain("listVariable");
    const described = await call("describe_tools", { names: ["s-u_alice_quick"] });
    expect(JSON.stringify(described.structuredContent)).toContain('"n":{"type":"integer"}');
    expect((await call("call_tool", { name: "s-u_alice_quick", arguments: { n: 4 } })).structuredContent).toMatchObject(
      { result: { n: 4 } },
    );
    expect(await call("call_tool", { name: "nonsense" }).catch((error: Error) => error.message)).toContain(
      "Unknown tool",
    );
  });
});

describe("resources and prompts", () => {
  test("scripts and schedules are resources, their paths complete, and prompts take arguments", async () => {
    const { client, call } = await modern();
    const { resources } = await client.listResources();
    expect(resources.map((each) => each.uri)).toContain("wm://w/scripts/u/alice/quick");
    const { contents } = await client.readResource({ uri: "wm://w/scripts/u/alice/quick" });
    expect(JSON.stringify(contents)).toContain("export function main");
    const { completion } = await client.complete({
      ref: { type: "ref/resource", uri: "wm://w/scripts/{+path}" },
      argument: { name: "path", value: "u/alice/qu" },
    });
    expect(completion.values).toEqual(["u/alice/quick"]);
    await call("createSchedule", {
      body: {
        path: "u/alice/at_two",
        script_path: "u/alice/quick",
        is_flow: false,
        schedule: "0 0 2 * * *",
        timezone: "UTC",
        args: { n: 1 },
      },
    });
    const schedules = await client.complete({
      ref: { type: "ref/resource", uri: "wm://w/schedules/{+path}" },
      argument: { name: "path", value: "u/alice/" },
    });
    expect(schedules.completion.values).toEqual(["u/alice/at_two"]);
    const schedule = await client.readResource({ uri: "wm://w/schedules/u/alice/at_two" });
    expect(JSON.stringify(schedule.contents)).toContain("0 0 2 * * *");
    await expect(client.readResource({ uri: "wm://w/variables/u/alice/x" })).rejects.toThrow(/not found/i);
    const prompt = await client.getPrompt({ name: "debug-job", arguments: { job_id: "abc" } });
    expect(JSON.stringify(prompt)).toContain("abc");
    await expect(client.getPrompt({ name: "build-flow", arguments: {} })).rejects.toThrow("goal is required");
  });
});

test("nothing failed on the server", () => expect(world.errors).toEqual([]));
