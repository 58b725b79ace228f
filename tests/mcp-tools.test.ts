import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { testFolder, whenDone } from "@towermill/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { fixtures } from "./support/mcp-fixtures.ts";
import { conformance01, inspector, newerNode } from "./support/npm-tool.ts";
import { authorizingProxy } from "./support/mcp-proxy.ts";
import { mcpWorld, type McpWorld } from "./support/mcp-world.ts";

const bin = fileURLToPath(new URL("../node_modules/.bin", import.meta.url));
let world: McpWorld;

beforeAll(async () => {
  world = await mcpWorld();
  await world.addScript({
    path: "u/alice/quick",
    summary: "Quick",
    schema: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] },
  });
});

interface Run {
  code: number | null;
  output: string;
}

/** Runs a program to its end; its home is a folder of the test's. */
function run(command: string, args: readonly string[], env: Record<string, string> = {}): Promise<Run> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: { PATH: process.env["PATH"] ?? "", HOME: testFolder(), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    whenDone(() => void child.kill("SIGKILL"));
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("exit", (code) => resolve({ code, output }));
  });
}

describe("mcporter", () => {
  test("lists and calls", async () => {
    const url = `${world.url}/api/mcp/w/w/mcp?token=alice`;
    const listed = await run(join(bin, "mcporter"), ["list", "--http-url", url, "--allow-http", "--schema"]);
    expect(listed).toMatchObject({ code: 0, output: expect.stringContaining("createVariable") });
    const called = await run(join(bin, "mcporter"), [
      "call",
      "--http-url",
      url,
      "--allow-http",
      "s-u_alice_quick",
      "n:7",
    ]);
    expect(called).toMatchObject({ code: 0, output: expect.stringMatching(/"n":\s*"?7/) });
  });
});

describe("mcp-remote", () => {
  test.each(["http-only", "sse-only"])("bridges a client of standard input and output (%s)", async (strategy) => {
    const args = [
      join(bin, "mcp-remote"),
      `${world.url}/api/mcp/w/w/sse`,
      "--allow-http",
      "--transport",
      strategy,
      "--header",
      "Authorization: Bearer alice",
    ];
    const client = new Client({ name: "suite", version: "1" });
    const home = testFolder();
    const transport = new StdioClientTransport({
      command: process.execPath,
      args,
      env: { PATH: process.env["PATH"] ?? "", HOME: home, MCP_REMOTE_CONFIG_DIR: home },
      stderr: "ignore",
    });
    whenDone(() => client.close());
    await client.connect(transport);
    expect((await client.listTools()).tools.map((tool) => tool.name)).toContain("s-u_alice_quick");
    expect(await client.callTool({ name: "s-u_alice_quick", arguments: { n: 3 } })).toMatchObject({
      structuredContent: { result: { echo: { n: 3 } } },
    });
  });
});

const [node, older, inspect] = [await newerNode(), await conformance01(), await inspector()];
const suite = join(bin, "conformance");

/** What a product can pass that has none of the suite's own tools, prompts and resources. */
const expected: Record<string, string[]> = {
  "2026-07-28": [
    "caching", "completion-complete", "dns-rebinding-protection", "input-required-result-ignore-extra-params",
    "input-required-result-missing-input-response", "input-required-result-unsupported-methods",
    "input-required-result-validate-input", "prompts-list", "resources-list", "sep-2164-resource-not-found",
    "server-sse-multiple-streams", "tools-list",
  ],
  "2025-11-25": [
    "completion-complete", "dns-rebinding-protection", "ping", "prompts-list", "resources-list", "server-initialize",
    "server-sse-multiple-streams", "tools-list",
  ],
}; // prettier-ignore

describe.skipIf(node === null)("the official conformance suite on a workspace", () => {
  test.each(Object.entries(expected))("%s", { timeout: 120_000 }, async (revision, scenarios) => {
    const proxy = await authorizingProxy(world.url, "alice");
    const { output } = await run(node ?? "", [
      suite,
      "server",
      "--url",
      `${proxy}/api/mcp/w/w/mcp`,
      "--requirements",
      revision,
      "-o",
      testFolder(),
    ]);
    const passed = Array.from(output.matchAll(/^✓ ([a-z0-9-]+): [1-9]/gm), ([, name]) => name);
    expect(passed).toEqual(expect.arrayContaining(scenarios));
  });
});

describe.skipIf(inspect === null)("the MCP Inspector on the command line", () => {
  const [program = "", script = ""] = inspect ?? [];
  const ask = (path: string, ...args: string[]): Promise<Run> => {
    const target = [world.url + path, "--header", "Authorization: Bearer alice", "--stored-auth-only", "-q"];
    const env = { PATH: `${dirname(program)}:${process.env["PATH"] ?? ""}`, MCP_INSPECTOR_SECRET_STORE: "memory" };
    return run(program, [script, "--cli", ...target, ...args], env);
  };

  test.each([
    ["every tool", "/api/mcp/w/w/mcp"],
    ["the session catalogue", "/api/mcp"],
    ["the lean catalogue", "/api/mcp/w/w/mcp?mode=lean"],
    ["scripts and flows", "/api/mcp/w/w/mcp?mode=runnables"],
    ["what is shown on request", "/api/mcp/w/w/mcp?toolsets=folders,drafts,docs,admin,triggers,scripts,jobs,workers"],
  ])("finds no fault in the schemas of %s, strictly", async (_, path) => {
    const { code, output } = await ask(path, "--transport", "http", "--method", "tools/list", "--strict");
    expect([code, output.match(/"severity":\s*"error".*|\berror\b:.*/g)]).toEqual([0, null]);
  });

  test.each([
    ["http", "modern", "/api/mcp/w/w/mcp"],
    ["http", "legacy", "/api/mcp/w/w/mcp"],
    ["http", "legacy", "/api/mcp/w/w/sse"],
    ["sse", "legacy", "/api/mcp/w/w/sse"],
  ])("calls a script over %s, %s, %s", async (transport, era, path) => {
    const how = ["--transport", transport, "--protocol-era", era, "--format", "json"];
    const call = ["--method", "tools/call", "--tool-name", "s-u_alice_quick", "--tool-args-json", '{"n":7}'];
    expect(await ask(path, ...how, ...call)).toMatchObject({
      code: 0,
      output: expect.stringContaining('{"echo":{"n":7}}'),
    });
  });

  test("tells a missing token and a missing scope apart by its exit code", async () => {
    await world.addToken({ name: "alice", token: "unscoped", scopes: ["jobs:read"] });
    const codes = ["nobody", "unscoped"].map(async (token) => {
      const url = `${world.url}/api/mcp/w/w/mcp?token=${token}`;
      const args = [script, "--cli", url, "--stored-auth-only", "-q", "--transport", "http", "--method", "tools/list"];
      return (await run(program, args, { MCP_INSPECTOR_SECRET_STORE: "memory" })).code;
    });
    expect(await Promise.all(codes)).toEqual([3, 1]);
  });
});

/** Pending in the suite and of no use here: no tool of ours asks clients to repeat an argument as a header. */
const unused = "http-custom-header-server-validation";

describe.skipIf(node === null)("the official conformance suite with the tools it asks for", () => {
  const failures = (output: string): string[] =>
    Array.from(
      output.slice(output.indexOf("=== SUMMARY ===")).matchAll(/^✗ ([a-z0-9-]+): .*$/gm),
      ([, name]) => name ?? "",
    );
  const conformance = async (...args: string[]): Promise<string> => {
    const { url } = await mcpWorld(fixtures);
    const target = `${await authorizingProxy(url, "alice")}/api/mcp/w/w/mcp`;
    return (await run(node ?? "", [suite, "server", "--url", target, "-o", testFolder(), ...args])).output;
  };

  test.each([
    ["2026-07-28", 37, [unused]],
    ["2025-11-25", 30, []],
  ])("%s: all %i scenarios, and what is run beside them", { timeout: 120_000 }, async (revision, scored, known) => {
    const output = await conformance("--requirements", revision);
    expect(failures(output)).toEqual(known);
    const required = output.slice(output.indexOf("=== SUMMARY ==="), output.indexOf("Not scored"));
    const extra = new Set(Array.from(output.matchAll(/^ {2}[✓✗] ([a-z0-9-]+) \(/gm), ([, name]) => name));
    const passed = Array.from(required.matchAll(/^✓ ([a-z0-9-]+): [1-9]/gm), ([, name]) => name);
    expect(passed.filter((name) => !extra.has(name))).toHaveLength(scored);
    const tasks = Array.from(output.matchAll(/^ {2}✓ (tasks-[a-z-]+) \(extension\)/gm));
    expect(tasks).toHaveLength(revision === "2026-07-28" ? 10 : 0);
  });
});

test.skipIf(older === null)("the last released conformance suite: all 40 checks", { timeout: 120_000 }, async () => {
  const { url } = await mcpWorld(fixtures);
  const target = `${await authorizingProxy(url, "alice")}/api/mcp/w/w/mcp`;
  const [program = "", script = ""] = older ?? [];
  const { output } = await run(program, [script, "server", "--url", target, "-o", testFolder()]);
  expect(output).toContain("Total: 40 passed, 0 failed");
});

test("nothing failed on the server", () => expect(world.errors).toEqual([]));
