import { execFile } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { configClients } from "@towermill/mcp";
import { testFolder, whenDone } from "@towermill/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { root, startInstance, type Instance } from "./support/instance.ts";
import { inspector } from "./support/npm-tool.ts";

/** Every command and every snippet of the guide is used against a live instance, in the guide's order. */

interface Block {
  language: string;
  text: string;
}

const page = readFileSync(join(root, "docs", "mcp.md"), "utf8");
const blocks = Array.from(page.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm), ([, language = "", text = ""]): Block => ({
  language,
  text,
}));

const inspect = await inspector();
const bin = testFolder();
const home = testFolder();
let instance: Instance;
let token = "";

/** A command of the guide's reader, without the network. */
function command(name: string, script: string): void {
  writeFileSync(join(bin, name), `#!/bin/bash\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
}

async function script(path: string, content: string): Promise<void> {
  await instance.text("POST", "/w/blueprint/scripts/create", {
    body: { path, language: "bun", summary: `Does ${path}`, content, lock: "" },
  });
}

beforeAll(async () => {
  instance = await startInstance();
  await instance.text("POST", "/workspaces/create", { body: { id: "blueprint", name: "Blueprint", username: "clay" } });
  await script(
    "u/clay/parallel_execution",
    "export async function main() { return await Promise.all([1, 2].map(async (n) => n * 2)); }",
  );
  await script("u/clay/database_backup", "export function main() { return 'done'; }");
  command("towermill", `exec '${process.execPath}' '${join(root, "packages/towermill/dist/main.js")}' "$@"`);
  // what `claude mcp add` was told; the program itself is not ours to install
  command("claude", `printf '%s\\n' "$@" > '${join(home, "claude-arguments")}'`);
  const [node = "", program = ""] = inspect ?? [];
  command(
    "npx",
    `[ "$1" = -y ] && shift
case "$1" in
  mcporter|mcp-remote) name=$1; shift; exec '${process.execPath}' "${join(root, "node_modules", ".bin")}/$name" "$@" ;;
  @modelcontextprotocol/inspector) shift; PATH='${dirname(node)}':"$PATH" exec '${node}' '${program}' "$@" ;;
  *) echo "the guide's npx has no $1" >&2; exit 1 ;;
esac`,
  );
});

interface Ran {
  code: number;
  output: string;
}

/** Runs a block as the reader's shell does; variables stay from block to block. */
function run(text: string): Promise<Ran> {
  const state = join(home, "state");
  const whole = `set -euo pipefail\n[ -f '${state}' ] && . '${state}'\n${text}\ndeclare -p TOKEN > '${state}'\n`;
  const env = {
    PATH: [bin, process.env["PATH"] ?? ""].join(delimiter),
    HOME: home,
    BASE: instance.url,
    SESSION: instance.token,
    MCP_INSPECTOR_SECRET_STORE: "memory",
  };
  return new Promise((resolve) => {
    execFile("bash", ["-c", whole], { env, timeout: 60_000 }, (error, out, err) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, output: out + err }),
    );
  });
}

/** What each command of the guide must print, by a part of the command. */
const expected: readonly [string, RegExp][] = [
  ["users/tokens/create", /^[A-Za-z0-9]{32}\s*$/],
  ["towermill mcp token", /^[A-Za-z0-9]{32}\s*$/],
  [
    "towermill mcp config",
    /claude mcp add --transport http towermill '.*\/api\/mcp\/w\/blueprint\/mcp' --header 'Authorization: Bearer /,
  ],
  ["claude mcp add", /^$/],
  ["npx mcporter list", /parallel_execution[\s\S]*createSchedule|createSchedule[\s\S]*parallel_execution/],
  ["inspector --cli", /"name": ?"createFlow"/],
  ["s-u_clay_parallel__execution", /2,\s*4/],
  ["listJobs per_page=5", /u\/clay\/parallel_execution/],
  ["createSchedule --args", /u\/clay\/nightly_backup/],
  ["api/version", /\d+\.\d+/],
  ["explain?tool=", /"listed":true/],
];

async function use(transport: unknown): Promise<string[]> {
  const client = new Client({ name: "guide", version: "1" });
  await client.connect(transport as never);
  whenDone(() => client.close());
  expect(await client.callTool({ name: "s-u_clay_parallel__execution", arguments: {} })).toMatchObject({
    structuredContent: { status: "success", result: [2, 4] },
  });
  return (await client.listTools()).tools.map((tool) => tool.name);
}

interface Entry {
  type?: string;
  url?: string;
  serverUrl?: string;
  headers?: Record<string, string>;
  command?: string;
  args?: string[];
  env?: Record<string, string>;
}

/** Connects as a client does that reads this entry of its configuration. */
async function connect({
  type,
  url,
  serverUrl,
  headers,
  command: program,
  args = [],
  env = {},
}: Entry): Promise<string[]> {
  if (program !== undefined) {
    const named = args.map((arg) => arg.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => env[name] ?? ""));
    const path = [bin, process.env["PATH"] ?? ""].join(delimiter);
    const folder = testFolder();
    return use(
      new StdioClientTransport({
        command: join(bin, program),
        args: named,
        env: { ...env, PATH: path, HOME: folder, MCP_REMOTE_CONFIG_DIR: folder },
        stderr: "ignore",
      }),
    );
  }
  const address = new URL(url ?? serverUrl ?? "");
  return type === "sse"
    ? use(new SSEClientTransport(address))
    : use(new StreamableHTTPClientTransport(address, { requestInit: { headers: headers ?? {} } }));
}

/** The one server of a configuration, under whatever key its client keeps them. */
function entryOf(json: string): Entry {
  const [servers] = Object.values(JSON.parse(json) as Record<string, Record<string, Entry>>);
  return servers?.["towermill"] ?? expect.fail(`no server towermill in ${json}`);
}

const here = (text: string): string =>
  text.replaceAll("http://localhost:8000", instance.url).replaceAll("<token>", token);

describe("the guide", () => {
  test.each(blocks.map((block, number) => [number + 1, block.text.trim().split("\n")[0], block] as const))(
    "block %i: %s",
    { timeout: 90_000 },
    async (_, __, { language, text }) => {
      if (language === "json") {
        expect(await connect(entryOf(here(text)))).toContain("createFlow");
        return;
      }
      expect(language).toBe("bash");
      const [, output] = expected.find(([part]) => text.includes(part)) ?? expect.fail("nothing is expected of it");
      if (text.includes("inspector") && inspect === null) return;
      const ran = await run(text);
      expect(ran).toEqual({ code: 0, output: expect.stringMatching(output) });
      if (/tokens\/create|mcp token/.test(text)) token = ran.output.trim();
      if (text.startsWith("claude mcp add")) {
        const told = readFileSync(join(home, "claude-arguments"), "utf8").trim().split("\n");
        const [url, , header = ""] = told.slice(5);
        expect(told.slice(0, 5)).toEqual(["mcp", "add", "--transport", "http", "towermill"]);
        expect(
          await connect({ url: url ?? "", headers: { Authorization: header.slice("Authorization: ".length) } }),
        ).toContain("createFlow");
      }
    },
  );

  test("has its commands in blocks, where the test above finds them", () => {
    const prose = page.replaceAll(/^```[\s\S]*?^```$|<!--.*-->/gm, "");
    const commands = Array.from(prose.matchAll(/`([^`\n]+)`/g), ([, code = ""]) => code).filter((code) =>
      /^(curl|npx|npm|claude|towermill mcp|mcporter|gemini|codex|opencode|cursor|code) .*[a-z]/.test(code),
    );
    expect([commands, blocks.length]).toEqual([[], expect.any(Number)]);
    expect(blocks.length).toBeGreaterThan(10);
  });

  test("names every client that the command line knows", () => {
    expect(configClients.filter((client) => !page.includes(`\`${client}\``))).toEqual([]);
  });
});

describe("`towermill mcp token`", () => {
  test.each([
    ["--token nonsense", /made no token \(401\)/],
    ["--token $SESSION --workspace nowhere", /made no token \(4\d\d\): .*nowhere/],
    ["--token $SESSION --expires tomorrow", /--expires: tomorrow is neither days \(90d\) nor a moment/],
    ["--token $SESSION --scopes mcp:nonsense:x", /--scopes: mcp:nonsense:x is no MCP scope; mcp:all, mcp:favorites/],
    ["", /--token \(or TOWERMILL_TOKEN\)/],
    ["--token x --url http://localhost:1", /http:\/\/localhost:1 cannot be reached/],
  ])("says what is wrong with %s", { timeout: 60_000 }, async (options, why) => {
    const { code, output } = await run(`towermill mcp token --url "$BASE" ${options}`);
    expect([code === 0, output]).toEqual([false, expect.stringMatching(why)]);
  });
});

describe("what `towermill mcp config` prints connects a client", () => {
  /** The parts of a printed command or file that its client reads. */
  function read(text: string): Entry {
    const plain = text.replace(/^#.*\n/, "");
    if (plain.startsWith("{")) return entryOf(plain);
    const url = /https?:\/\/[^'"\s]+/.exec(plain)?.[0] ?? "";
    const header = /Bearer [A-Za-z0-9]+/.exec(plain)?.[0] ?? "";
    return { url, headers: { Authorization: header } };
  }

  test.each(configClients)("%s", { timeout: 60_000 }, async (client) => {
    const made = await run(
      `TOKEN='${token}'; towermill mcp config --client ${client} --workspace blueprint --url "$BASE" --token "$TOKEN"`,
    );
    expect(made.code).toBe(0);
    expect(await connect(read(made.output))).toContain("s-u_clay_parallel__execution");
  });
});
