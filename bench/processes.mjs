// Starting what is measured: our instance, PostgreSQL, peers. Everything that was started ends with the benchmark.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbedded } from "../packages/store/dist/index.js";
import { root } from "../scripts/prepare.mjs";

const live = new Set();
const folders = [];
process.on("exit", () => {
  for (const child of live) child.kill("SIGKILL");
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

export function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  live.add(child);
  child.ended = new Promise((resolve) => child.on("close", resolve)).then(() => live.delete(child));
  child.text = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk) => (child.text = (child.text + chunk).slice(-20_000)));
  return child;
}

/** Ends a process in order, by force after a while. */
export async function end(child) {
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), 15_000);
  await child.ended;
  clearTimeout(force);
}

/** Asks until something answers; throws what it threw last when the time is over. */
export async function until(look, limitMs = 120_000, child) {
  const from = performance.now();
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (child && child.exitCode !== null) throw new Error(`the process ended: ${child.text}`, { cause: error });
      if (performance.now() - from > limitMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

/** One request over kept-alive connections. @returns the body of a 2xx answer */
export function request(url, { method = "POST", body, headers = {} } = {}) {
  const bytes =
    body === undefined ? Buffer.alloc(0) : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const sent = http.request(
      url,
      { method, agent, headers: { "content-type": "application/json", "content-length": bytes.length, ...headers } },
      (answer) => {
        const chunks = [];
        answer.on("data", (chunk) => chunks.push(chunk));
        answer.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          if ((answer.statusCode ?? 500) >= 300)
            reject(new Error(`${method} ${url}: ${answer.statusCode} ${text.slice(0, 300)}`));
          else resolve(text);
        });
      },
    );
    sent.on("error", reject);
    sent.end(bytes);
  });
}

export function folder(name) {
  const path = mkdtempSync(join(tmpdir(), `towermill-bench-${name}-`));
  folders.push(path);
  return path;
}

/** Ports that nothing listens on, for programs that cannot choose their own. */
export async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** A PostgreSQL of its own, durable as in production, for us and for the peers alike. */
export function startPostgres() {
  return startEmbedded({ dataFolder: folder("postgres") });
}

const password = "bench bench bench";
const key = "11".repeat(32);

/** Our program as users run it. `command`: none for all in one process. */
export async function startTowermill({
  databaseUrl,
  env = {},
  command = [],
  dataFolder = folder("data"),
  nodeArgs = [],
}) {
  const program = join(root, "packages/towermill/dist/main.js");
  const settings = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    PORT: "0",
    TOWERMILL_DATA: dataFolder,
    TOWERMILL_ADMIN_PASSWORD: password,
    TOWERMILL_INSTANCE_KEY: key,
    LOG_LEVEL: "error",
    ...(databaseUrl ? { DATABASE_URL: databaseUrl } : {}),
    ...env,
  };
  const from = performance.now();
  const child = start(process.execPath, [...nodeArgs, program, ...command], { env: settings });
  await until(
    async () => {
      if (!/is ready/.test(child.text)) throw new Error(child.text);
    },
    60_000,
    child,
  );
  if (command[0] === "worker") return { child, stop: () => end(child) };
  const url = /is ready\s+(http:\S+)/.exec(child.text)?.[1] ?? "";
  const token = await request(`${url}/api/auth/login`, { body: { email: "admin@windmill.dev", password } });
  const headers = { authorization: `Bearer ${token}` };
  const api = (path, options = {}) => request(`${url}/api/w/admins${path}`, { ...options, headers });
  return {
    child,
    url,
    authorization: headers.authorization,
    api,
    dataFolder,
    startedAt: from,
    async deploy(path, language, content) {
      await api("/scripts/create", { body: { path, summary: "", content, language, lock: "" } });
    },
    run: async (path, args = {}) => JSON.parse(await api(`/jobs/run_wait_result/p/${path}`, { body: args })),
    stop: () => end(child),
  };
}
