#!/usr/bin/env node
import { parseArgs } from "node:util";
import { migrate } from "@towermill/store";
import { firstAdmin } from "./admin.ts";
import { examine } from "./doctor.ts";
import { explainFailure, exitCodes } from "./failure.ts";
import { greeting } from "./greeting.ts";
import { createLog } from "./log.ts";
import { mcpConfig, type McpConfigOptions } from "./mcp-config.ts";
import { makeMcpToken, type McpTokenOptions } from "./mcp-token.ts";
import { openDatabase, startPlatform, type Platform } from "./platform.ts";
import { readSettings, unknownSettings, type Mode, type SettingName, type Settings } from "./setting.ts";
import { version } from "./version.ts";

const usage = `towermill [command] [options]

  (none)     everything in one process: PostgreSQL, server, worker
  server     the HTTP server and the background duties
  worker     a worker
  migrate    brings the database to this version's schema
  doctor     examines the machine, the data folder and the database
  mcp config prints what an MCP client's configuration needs
             (--client claude-code|claude|cursor|vscode|… --workspace W --token T --url U)
  mcp token  makes a token for an MCP client and prints it
             (--token YOURS --workspace W --scopes mcp:all --expires 90d --label L --url U)

  --port N  --host H  --data FOLDER  --database-url URL  --base-url URL
  --worker-group G  --worker-tags a,b  --workers N  --isolation LEVEL  --log-level L
  --help  --version

Every option is also an environment variable: see docs/settings.md.
`;

const options = {
  port: { type: "string", setting: "PORT" },
  host: { type: "string", setting: "HOST" },
  data: { type: "string", setting: "TOWERMILL_DATA" },
  "database-url": { type: "string", setting: "DATABASE_URL" },
  "base-url": { type: "string", setting: "BASE_URL" },
  "worker-group": { type: "string", setting: "WORKER_GROUP" },
  "worker-tags": { type: "string", setting: "WORKER_TAGS" },
  workers: { type: "string", setting: "NUM_WORKERS" },
  isolation: { type: "string", setting: "TOWERMILL_ISOLATION" },
  "log-level": { type: "string", setting: "LOG_LEVEL" },
} as const satisfies Record<string, { type: "string"; setting: SettingName }>;

/** Options of `mcp config` and `mcp token` alone. */
const mcpOptions = {
  client: { type: "string" },
  workspace: { type: "string" },
  token: { type: "string" },
  url: { type: "string" },
  scopes: { type: "string" },
  expires: { type: "string" },
  label: { type: "string" },
} as const;

interface CommandLine {
  command: string | undefined;
  mcp: McpConfigOptions & McpTokenOptions;
  flags: Partial<Record<SettingName, string>>;
  help: boolean;
  showVersion: boolean;
}

function parseCommandLine(args: string[]): CommandLine {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...options,
      ...mcpOptions,
      help: { type: "boolean", short: "h" },
      version: { type: "boolean", short: "v" },
    },
  });
  const flags: Partial<Record<SettingName, string>> = {};
  for (const [name, { setting }] of Object.entries(options)) {
    const value = (values as Record<string, string | boolean | undefined>)[name];
    if (typeof value === "string") flags[setting] = value;
  }
  const command = positionals.join(" ") || undefined;
  const { client, workspace, token, url, scopes, expires, label } = values;
  return {
    command,
    mcp: { client, workspace, token, url, scopes, expires, label },
    flags,
    help: values.help ?? false,
    showVersion: values.version ?? false,
  };
}

/** First signal: stop in order. Second: leave at once; the queue takes the jobs back when the heartbeat is missed. */
function stopOnSignal(platform: Platform): void {
  let stopping = false;
  const stop = (): void => {
    if (stopping) process.exit(130);
    stopping = true;
    process.stderr.write("Stopping…\n");
    void platform.stop().then(() => process.exit(0));
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
}

async function serve(mode: Mode, settings: Settings): Promise<void> {
  const log = createLog(settings);
  for (const sentence of unknownSettings(process.env)) process.stderr.write(`${sentence}\n`);
  const platform = await startPlatform(mode, settings, log);
  stopOnSignal(platform);
  const isolation = platform.jobs?.executor.isolation;
  if (platform.address) {
    const admin = await firstAdmin(platform);
    process.stdout.write(greeting({ address: platform.address, ...admin, isolation }));
  } else {
    process.stdout.write(`Towermill worker ${platform.worker?.name ?? ""} is ready. ${isolation?.sentence ?? ""}\n`);
  }
  if (isolation?.level === "none") process.stderr.write(`WARNING: ${isolation.sentence}\n`);
}

async function migrateOnly(settings: Settings): Promise<void> {
  const log = createLog(settings);
  const { url, embedded } = await openDatabase(settings, log);
  try {
    const applied = await migrate({ url, log });
    process.stdout.write(applied.length > 0 ? `Applied ${applied.join(", ")}\n` : "The database is up to date\n");
  } finally {
    await embedded?.stop();
  }
}

async function dispatch(line: CommandLine): Promise<void> {
  const settings = readSettings(process.env, line.flags);
  try {
    if (line.command === "mcp config") process.stdout.write(`${mcpConfig(line.mcp, settings)}\n`);
    else if (line.command === "mcp token") process.stdout.write(`${await makeMcpToken(line.mcp, settings)}\n`);
    else if (line.command === "migrate") await migrateOnly(settings);
    else if (line.command === "doctor")
      process.exitCode = await examine(settings, (text) => process.stdout.write(`${text}\n`));
    else await serve((line.command as Mode | undefined) ?? settings.MODE, settings);
  } catch (error) {
    fail(error, settings);
  }
}

function fail(error: unknown, settings?: Settings): void {
  const { sentence, exitCode } = explainFailure(error, settings);
  process.stderr.write(`towermill: ${sentence}\n`);
  process.exit(exitCode);
}

const commands = [undefined, "standalone", "server", "worker", "migrate", "doctor", "mcp config", "mcp token"];

async function main(): Promise<void> {
  let line: CommandLine;
  try {
    line = parseCommandLine(process.argv.slice(2));
    if (!commands.includes(line.command)) throw new TypeError(`unknown command ${line.command ?? ""}`);
  } catch (error) {
    process.stderr.write(`towermill: ${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exit(exitCodes.usage);
  }
  if (line.help) process.stdout.write(usage);
  else if (line.showVersion) process.stdout.write(`${version}\n`);
  else await dispatch(line);
}

main().catch((error: unknown) => fail(error));
