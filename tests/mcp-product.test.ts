import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { whenDone } from "@towermill/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { startInstance, type Instance } from "./support/instance.ts";
import { cliOf } from "./support/wmill.ts";

/** The MCP server of the built product, with real workers behind it. */

let instance: Instance;
let mcp: Caller;

interface Result {
  isError?: boolean;
  content: { type: string; text?: string }[];
  structuredContent?: Record<string, unknown>;
}

interface Caller {
  client: Client;
  call(name: string, args?: object): Promise<Result>;
  /** The structure of an answer that has to be a good one. */
  ok(name: string, args?: object): Promise<Record<string, unknown>>;
}

async function connect(query = "", capabilities: object = {}): Promise<Caller> {
  const client = new Client({ name: "suite", version: "1" }, {
    capabilities,
    versionNegotiation: { mode: { pin: "2026-07-28" } },
  } as never);
  const url = new URL(`${instance.url}/api/mcp/w/admins/mcp${query}`);
  const headers = { authorization: `Bearer ${instance.token}` };
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
  whenDone(() => client.close());
  const call = async (name: string, args: object = {}): Promise<Result> =>
    (await client.callTool({ name, arguments: args as Record<string, unknown> })) as Result;
  return {
    client,
    call,
    async ok(name, args) {
      const result = await call(name, args);
      expect([name, result.isError ? result.content[0]?.text : "ok"]).toEqual([name, "ok"]);
      return result.structuredContent ?? {};
    },
  };
}

beforeAll(async () => {
  instance = await startInstance({ env: { BASE_URL: "http://localhost:8000" } });
  mcp = await connect();
});

const errorText = async (result: Promise<Result>): Promise<string> => {
  const { isError, content } = await result;
  expect(isError).toBe(true);
  return content[0]?.text ?? "";
};

describe("drafts of a script", () => {
  const item = { kind: "script", path: "u/admin/greet" };

  test(
    "begin with fields, are tested, deployed, edited, compared, and deployed again",
    { timeout: 60_000 },
    async () => {
      const code = 'export function main(name: string) {\n  return "Hello " + name;\n}\n';
      const fields = { language: "bun", content: code, summary: "Greets" };
      expect(await mcp.ok("editDraft", { ...item, fields })).toMatchObject({
        changed: expect.arrayContaining(["content", "summary", "language"]),
        diff: expect.stringContaining("+export function main(name: string) {"),
      });
      expect((await mcp.client.listTools()).tools.map((tool) => tool.name)).not.toContain("s-u_admin_greet");
      expect(await mcp.ok("testDraft", { ...item, args: { name: "you" } })).toMatchObject({ result: "Hello you" });
      expect(await mcp.ok("deployDraft", { ...item, deployment_message: "first" })).toMatchObject({ path: item.path });
      expect(await errorText(mcp.call("diffDraft", item))).toContain("You have no draft of the script u/admin/greet");
      expect(await mcp.ok("s-u_admin_greet", { name: "world" })).toMatchObject({ result: "Hello world" });

      const edits = [{ old: '"Hello "', new: '"Good day "' }];
      const { diff, changed } = await mcp.ok("editDraft", { ...item, edits });
      expect(changed).toEqual(["content"]);
      expect(diff).toBe(
        [
          "--- deployed/content",
          "+++ draft/content",
          "@@ -1,4 +1,4 @@",
          " export function main(name: string) {",
          '-  return "Hello " + name;',
          '+  return "Good day " + name;',
          " }",
          " ",
        ].join("\n"),
      );
      expect(await mcp.ok("diffDraft", item)).toMatchObject({ diff, deployed: true, overtaken: false });
      expect(await mcp.ok("testDraft", { ...item, args: { name: "you" } })).toMatchObject({ result: "Good day you" });
      expect(await mcp.ok("s-u_admin_greet", { name: "you" })).toMatchObject({ result: "Hello you" });
      await mcp.ok("deployDraft", item);
      expect(await mcp.ok("s-u_admin_greet", { name: "you" })).toMatchObject({ result: "Good day you" });
      expect(await mcp.ok("getScriptByPath", { path: item.path })).toMatchObject({ summary: "Greets" });
    },
  );

  test("say what is wrong with an edit, and change nothing then", async () => {
    expect(await errorText(mcp.call("editDraft", { ...item, edits: [{ old: "nonsense", new: "" }] }))).toContain(
      "edits.0.old: does not stand in the text",
    );
    expect(await errorText(mcp.call("editDraft", { ...item, edits: [{ old: "name", new: "x" }] }))).toContain(
      "more than once",
    );
    expect(await errorText(mcp.call("editDraft", { ...item, fields: { contents: "x" } }))).toMatch(
      /fields.contents: a script has no such field\nIt has: .*content/,
    );
    expect(await errorText(mcp.call("editDraft", { kind: "scripts", path: "x" }))).toContain("script, flow, app");
    expect(await errorText(mcp.call("editDraft", item))).toContain("edits or fields");
    expect(await errorText(mcp.call("diffDraft", item))).toContain("no draft");
  });

  test("that were overtaken are deployed only when the user agrees", { timeout: 60_000 }, async () => {
    await mcp.ok("editDraft", { ...item, edits: [{ old: '"Good day "', new: '"Good night "' }] });
    const newer = { language: "bun", content: "export const main = () => 1", summary: "", auto_parent: true };
    await mcp.ok("createScript", { body: { path: item.path, ...newer, skip_draft_deletion: true } });
    expect(await mcp.ok("diffDraft", item)).toMatchObject({ overtaken: true });
    expect(await errorText(mcp.call("deployDraft", item))).toMatch(
      /by somebody since .*nothing was done\n.*confirm: true/,
    );
    expect(await mcp.ok("getScriptByPath", { path: item.path })).toMatchObject({ content: newer.content });
    await mcp.ok("deployDraft", { ...item, confirm: true });
    expect(await mcp.ok("s-u_admin_greet", { name: "you" })).toMatchObject({ result: "Good night you" });
  });
});

test(
  "a deployment whose dependencies cannot be resolved says so; what was there before goes on",
  { timeout: 60_000 },
  async () => {
    const item = { kind: "script", path: "u/admin/needy" };
    await mcp.ok("editDraft", {
      ...item,
      fields: { language: "python3", content: "def main():\n  return 1\n", summary: "Needy" },
    });
    await mcp.ok("deployDraft", item);
    expect(await mcp.ok("s-u_admin_needy")).toMatchObject({ result: 1 });
    const broken = "# requirements:\n# not-a-package-anywhere==99.99.99\n\ndef main():\n  return 2\n";
    await mcp.ok("editDraft", { ...item, fields: { content: broken } });
    expect(await errorText(mcp.call("deployDraft", item))).toMatch(/is deployed, and runs as it did before .*failed/s);
    expect(await mcp.ok("s-u_admin_needy")).toMatchObject({ result: 1 });
  },
);

describe("drafts of a flow", () => {
  const item = { kind: "flow", path: "f/team/steps" };

  test(
    "change one step's code, are tested and deployed; what is not touched stays as it was",
    { timeout: 60_000 },
    async () => {
      await mcp.ok("createFolder", { body: { name: "team" } });
      const content = "export async function main(n: number) { return n + 1; }";
      const step = (id: string) => ({
        id,
        value: {
          type: "rawscript",
          language: "bun",
          content,
          input_transforms: { n: { type: "javascript", expr: id === "a" ? "flow_input.n" : "results.a" } },
        },
      });
      const value = { modules: [step("a"), step("b")], unknown_option: { kept: [1, null] } };
      const schema = { type: "object", properties: { n: { type: "number" } } };
      await mcp.ok("createFlow", { body: { path: item.path, summary: "Counts", value, schema } });
      const { diff, changed } = await mcp.ok("editDraft", {
        ...item,
        module: "b",
        edits: [{ old: "n + 1", new: "n * 10" }],
      });
      expect([changed, String(diff).match(/^[-+] .*$/gm)?.length]).toEqual([["value"], 2]);
      expect(await mcp.ok("testDraft", { ...item, args: { n: 4 } })).toMatchObject({ result: 50 });
      await mcp.ok("deployDraft", item);
      const deployed = await mcp.ok("getFlowByPath", { path: item.path });
      expect(deployed).toMatchObject({ summary: "Counts", schema, value: { unknown_option: { kept: [1, null] } } });
      expect(await mcp.ok("f-f_team_steps", { n: 4 })).toMatchObject({ result: 50 });
      expect(
        await errorText(mcp.call("editDraft", { ...item, module: "z", edits: [{ old: "a", new: "b" }] })),
      ).toContain("Its inline scripts: a, b.");
    },
  );
});

test("draft tools are listed in the session catalogue and on request, and called anywhere", async () => {
  const names = async (query: string): Promise<string[]> =>
    (await (await connect(query)).client.listTools()).tools.map((tool) => tool.name);
  const drafting = ["editDraft", "diffDraft", "testDraft", "deployDraft"];
  expect(await names("?mode=session")).toEqual(expect.arrayContaining(drafting));
  expect(await names("?toolsets=drafts")).toEqual(expect.arrayContaining([...drafting, "listDrafts"]));
  expect((await names("")).filter((name) => drafting.includes(name))).toEqual([]);
  expect(await names("?toolsets=drafts&readonly=true")).toEqual(["listDrafts", "getOwnDraft", "diffDraft"]);
});

test(
  "a token in the address never reaches the log, and is refused where the instance says so",
  { timeout: 60_000 },
  async () => {
    const strict = await startInstance({ env: { TOWERMILL_MCP_QUERY_TOKENS: "false", LOG_LEVEL: "debug" } });
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
    const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
    const ask = (of: Instance, path: string) =>
      fetch(`${of.url}/api/mcp/w/admins/${path}?token=${of.token}`, { method: "POST", headers, body });
    for (const path of ["mcp", "sse"]) {
      expect((await ask(strict, path)).status).toBe(401);
      expect((await fetch(`${strict.url}/api/mcp/w/admins/${path}?token=${strict.token}`)).status).toBe(401);
      expect((await ask(instance, path)).status).toBe(200);
    }
    await strict.call("GET", "/version");
    for (const each of [strict, instance]) expect(each.process.output()).not.toContain(each.token);
  },
);

describe("what is deleted", () => {
  test("and cannot come back needs the word of a client that cannot ask", async () => {
    await mcp.ok("createFolder", { body: { name: "passing" } });
    expect(await errorText(mcp.call("deleteFolder", { name: "passing" }))).toMatch(
      /cannot be undone; nothing was done\n.*confirm: true/,
    );
    expect(await mcp.ok("getFolder", { name: "passing" })).toMatchObject({ name: "passing" });
    await mcp.ok("deleteFolder", { name: "passing", confirm: true });
    expect(await errorText(mcp.call("getFolder", { name: "passing" }))).toContain("404");
  });

  test("and was run by a schedule needs the word of a client that cannot ask; from the trash it comes back", async () => {
    const path = "u/admin/nightly";
    await mcp.ok("createScript", { body: { path, language: "bash", content: "echo 1", summary: "Nightly" } });
    const body = {
      path,
      script_path: path,
      is_flow: false,
      schedule: "0 0 2 * * *",
      timezone: "UTC",
      enabled: true,
      args: {},
    };
    await mcp.ok("createSchedule", { body });
    for (const name of ["archiveScriptByPath", "deleteScriptByPath"])
      expect(await errorText(mcp.call(name, { path }))).toMatch(
        /enabled schedules run it: u\/admin\/nightly; nothing was done\n.*confirm: true/,
      );
    expect(await mcp.ok("getScriptByPath", { path })).toMatchObject({ path });
    await mcp.ok("deleteScriptByPath", { path, confirm: true });
    expect(await errorText(mcp.call("getScriptByPath", { path }))).toContain("404");
    const { items } = (await mcp.ok("listTrash")) as { items: { id: number; item_path: string; item_kind: string }[] };
    const found = items.find((each) => each.item_path === path && each.item_kind === "script");
    await mcp.ok("restoreTrashItem", { id: String(found?.id) });
    expect(await mcp.ok("getScriptByPath", { path })).toMatchObject({ path });
  });
});

test("the documentation is searched and read, page by page", async () => {
  const { results } = (await mcp.ok("searchDocs", { query: "approval of a flow" })) as {
    results: { title: string; url: string; snippets: string[] }[];
  };
  expect(results[0]).toMatchObject({ url: "docs/flows.md#approvals", title: "Flows: Approvals" });
  expect(results[0]?.snippets.length).toBeGreaterThan(0);
  const { text } = await mcp.ok("readDocsPage", { url: results[0]?.url });
  expect(text).toMatch(/^## Approvals/);
  expect(await errorText(mcp.call("readDocsPage", { url: "docs/nothing.md" }))).toContain("docs/flows.md");
  expect(await errorText(mcp.call("readDocsPage", { url: "docs/flows.md", section: "nothing" }))).toContain(
    "approvals",
  );
});

test("the official command line searches the documentation as well", { timeout: 60_000 }, async () => {
  const cli = await cliOf(instance);
  const found = await cli.json<{ title: string; url: string }[]>("docs", "approval of a flow");
  expect(found[0]).toMatchObject({ title: "Flows: Approvals", url: "docs/flows.md#approvals" });
});

describe("a long flow as a task", () => {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {
      elicitation: { form: {} },
      extensions: { "io.modelcontextprotocol/tasks": {} },
    },
  };
  const ask = async (
    method: string,
    params: Record<string, unknown>,
    token = instance.token,
  ): Promise<Record<string, unknown>> => {
    const response = await fetch(`${instance.url}/api/mcp/w/admins/mcp`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": method,
        "mcp-name": String(params["taskId"] ?? params["name"]),
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: meta } }),
    });
    const text = await response.text();
    const data = /^data: (.*)$/m.exec(text)?.[1] ?? text;
    const { result, error } = JSON.parse(data) as { result?: Record<string, unknown>; error?: unknown };
    expect(error).toBeUndefined();
    return result ?? {};
  };
  const become = async (taskId: string, status: string): Promise<Record<string, unknown>> => {
    await expect.poll(async () => (await ask("tasks/get", { taskId }))["status"], { timeout: 20_000 }).toBe(status);
    return ask("tasks/get", { taskId });
  };

  beforeAll(async () => {
    const script = (content: string) => ({ type: "rawscript", language: "bun", content, input_transforms: {} });
    const suspend = {
      required_events: 1,
      resume_form: { schema: { type: "object", properties: { comment: { type: "string" }, rows: { type: "array" } } } },
    };
    const value = {
      modules: [
        { id: "a", summary: "Ask", value: script("export const main = () => ({ asked: true })"), suspend },
        {
          id: "b",
          value: {
            ...script("export function main(resume: any) { return resume; }"),
            input_transforms: { resume: { type: "javascript", expr: "resume" } },
          },
        },
      ],
    };
    await mcp.ok("createFlow", { body: { path: "u/admin/approved", summary: "Payout", value } });
  });

  const started = async (): Promise<string> => {
    const task = await ask("tools/call", { name: "f-u_admin_approved", arguments: {} });
    expect(task).toMatchObject({ resultType: "task", status: "working" });
    return String(task["taskId"]);
  };

  test("asks the client's user for an approval, and goes on with the answer", { timeout: 60_000 }, async () => {
    const taskId = await started();
    const { inputRequests } = (await become(taskId, "input_required")) as {
      inputRequests: Record<string, { method: string; params: { message: string; requestedSchema: object } }>;
    };
    const [[key = "", question] = []] = Object.entries(inputRequests);
    expect(question).toMatchObject({
      method: "elicitation/create",
      params: {
        message: expect.stringContaining("Payout"),
        requestedSchema: { properties: { approve: { type: "boolean" }, comment: { type: "string" } } },
      },
    });
    expect(JSON.stringify(question)).not.toContain("rows");
    await ask("tasks/update", { taskId, inputResponses: { other: { action: "accept", content: { approve: true } } } });
    expect(await ask("tasks/get", { taskId })).toMatchObject({ status: "input_required" });
    const answer = { action: "accept", content: { approve: true, comment: "fine" } };
    await ask("tasks/update", { taskId, inputResponses: { [key]: answer } });
    expect(await become(taskId, "completed")).toMatchObject({
      result: { structuredContent: { status: "success", result: { comment: "fine" } } },
    });
  });

  test("is approved by no token that may only run it", { timeout: 60_000 }, async () => {
    const runner = await instance.text("POST", "/users/tokens/create", {
      body: { label: "runner", scopes: ["mcp:flows:u/admin/approved"] },
    });
    const task = await ask("tools/call", { name: "f-u_admin_approved", arguments: {} }, runner);
    const taskId = String(task["taskId"]);
    const { inputRequests } = await become(taskId, "input_required");
    expect(await ask("tasks/get", { taskId }, runner)).toMatchObject({ status: "working" });
    const [key = ""] = Object.keys(inputRequests as object);
    const inputResponses = { [key]: { action: "accept", content: { approve: true } } };
    await ask("tasks/update", { taskId, inputResponses }, runner);
    expect(await ask("tasks/get", { taskId })).toMatchObject({ status: "input_required" });
    await ask("tasks/cancel", { taskId }, runner);
    await become(taskId, "cancelled");
  });

  test("ends when the user disapproves, and when the task is cancelled", { timeout: 60_000 }, async () => {
    const refused = await started();
    const { inputRequests } = await become(refused, "input_required");
    const [key = ""] = Object.keys(inputRequests as object);
    await ask("tasks/update", { taskId: refused, inputResponses: { [key]: { action: "decline" } } });
    await expect
      .poll(async () => (await ask("tasks/get", { taskId: refused }))["status"], { timeout: 20_000 })
      .toMatch(/^(completed|cancelled)$/);
    const dropped = await started();
    await become(dropped, "input_required");
    await ask("tasks/cancel", { taskId: dropped });
    await become(dropped, "cancelled");
  });
});
