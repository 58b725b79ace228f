// n8n on SQLite: webhook → Code nodes → respond.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { end, folder, freePorts, request, start, until } from "../processes.mjs";
import { installed, node24, npm } from "./install.mjs";

/** The folder of n8n, with SQLite compiled for the Node that runs it. */
function install(node) {
  // A later date picks transitive versions that cannot be resolved. isolated-vm brings what it needs, sqlite3 does not.
  return installed("n8n", ["n8n@2.40.7"], {
    args: ["--omit=dev", "--legacy-peer-deps", "--before=2026-09-28"],
    manifest: { overrides: { linkedom: "0.18.12" } },
    after: (at) =>
      npm(at, ["rebuild", "sqlite3", "--ignore-scripts=false"], {
        PATH: `${join(node, "bin")}:${process.env.PATH}`,
        npm_config_nodedir: node,
      }),
  });
}

/**
 * n8n with workflows of Code nodes in a row, each behind a webhook of its name.
 * @param workflows `{name: {steps, code}}`; `code` is the body of every Code node
 */
export async function n8n(workflows) {
  const node = node24();
  const place = install(node);
  const program = join(node, "bin/node");
  const home = folder("n8n");
  const [port, brokerPort] = await freePorts(2);
  const env = {
    PATH: `${join(node, "bin")}:${process.env.PATH}`,
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
    N8N_RUNNERS_BROKER_PORT: String(brokerPort),
    N8N_BLOCK_ENV_ACCESS_IN_NODE: "true",
    NODE_ENV: "production",
    N8N_ENCRYPTION_KEY: "bench",
  };
  const bin = join(place, "node_modules/n8n/bin/n8n");
  const command = (...args) => execFileSync(program, [bin, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const file = join(home, "workflows.json");
  const names = Object.keys(workflows);
  writeFileSync(file, JSON.stringify(names.map((name, n) => workflow(name, n, workflows[name]))));
  command("import:workflow", `--input=${file}`);
  for (const name of names) command("publish:workflow", `--id=${name}`);
  const launch = async () => {
    const from = performance.now();
    const child = start(program, [bin, "start"], { env });
    const call = (name, body = {}) => request(`http://127.0.0.1:${port}/webhook/${name}`, { body });
    // while it starts it answers with a sentence instead of JSON
    await until(async () => JSON.parse(await call(names[0])), 120_000, child);
    return { child, call, firstAnswerMs: performance.now() - from, stop: () => end(child) };
  };
  return { launch };
}

function workflow(name, number, { steps, code }) {
  const webhook = {
    parameters: { httpMethod: "POST", path: name, responseMode: "lastNode", options: {} },
    id: `w${name}`,
    name: "Webhook",
    type: "n8n-nodes-base.webhook",
    typeVersion: 2,
    position: [0, 0],
    webhookId: `wh${name}`,
  };
  const codes = Array.from({ length: steps }, (_, n) => ({
    parameters: { jsCode: code },
    id: `${name}c${n}`,
    name: `Code${n}`,
    type: "n8n-nodes-base.code",
    typeVersion: 2,
    position: [200 * (n + 1), 0],
  }));
  const nodes = [webhook, ...codes];
  const connections = Object.fromEntries(
    codes.map((to, n) => [nodes[n].name, { main: [[{ node: to.name, type: "main", index: 0 }]] }]),
  );
  return {
    id: name,
    name,
    active: true,
    nodes,
    connections,
    settings: { executionOrder: "v1" },
    versionId: `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`,
  };
}
