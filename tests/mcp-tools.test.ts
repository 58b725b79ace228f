import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { testFolder, whenDone } from "@towermill/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { fixtures } from "./support/mcp-fixtures.ts";
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

/** The conformance suite needs Node 22; where this one is older, `CONFORMANCE_NODE` names another. */
function newerNode(): string | null {
  if (Number(process.versions.node.split(".")[0]) >= 22) return process.execPath;
  return process.env["CONFORMANCE_NODE"] ?? null;
}

const node = newerNode();
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

describe.skipIf(node === null || !existsSync(suite))("the official conformance suite on a workspace", () => {
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

/** Requests from server to client belong to a session, and the 2025 revisions are served without one. */
const sessionOnly = [
  "elicitation-sep1034-defaults",
  "elicitation-sep1330-enums",
  "tools-call-elicitation",
  "tools-call-sampling",
];

describe.skipIf(node === null || !existsSync(suite))(
  "the official conformance suite with the tools it asks for",
  () => {
    test.each([
      ["2026-07-28", []],
      ["2025-11-25", sessionOnly],
    ])("%s", { timeout: 120_000 }, async (revision, beyond) => {
      const { url } = await mcpWorld({ extend: fixtures });
      const proxy = await authorizingProxy(url, "alice");
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
      const scored = output.slice(output.indexOf("=== SUMMARY ==="), output.indexOf("Not scored"));
      const failed = Array.from(scored.matchAll(/^✗ ([a-z0-9-]+): .*$/gm), ([line]) => line).filter(
        (line) => !/json-schema-2020-12|http-custom-header|tasks-|skills/.test(line),
      );
      expect(failed.map((line) => line.split(/[ :]/)[1]).sort()).toEqual(beyond);
      const passed = Array.from(scored.matchAll(/^✓ [a-z0-9-]+: [1-9]/gm)).length;
      expect(passed).toBeGreaterThanOrEqual(revision === "2026-07-28" ? 37 : 26);
    });
  },
);

test("nothing failed on the server", () => expect(world.errors).toEqual([]));
