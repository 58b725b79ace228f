// Figures of the MCP server, each beside the same thing asked of the REST API of the same instance.
import { median, requireEqual, together, treeMemory } from "../measure.mjs";
import { request, startPostgres, startTowermill, until } from "../processes.mjs";

const callers = 10;
const runnables = 150;
const revision = "2026-07-28";
const meta = {
  "io.modelcontextprotocol/protocolVersion": revision,
  "io.modelcontextprotocol/clientCapabilities": {},
};

/** The instance with a token for MCP and `runnables` deployed scripts. */
async function start() {
  const postgres = await startPostgres();
  const instance = await startTowermill({ databaseUrl: postgres.url, env: { NUM_WORKERS: "8" } });
  const authorization = instance.authorization;
  const rpc = async (method, params = {}, path = "/api/mcp/w/admins/mcp") => {
    const text = await request(`${instance.url}${path}`, {
      headers: {
        authorization,
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": revision,
        "mcp-method": method,
        ...(params.name ? { "mcp-name": params.name } : {}),
      },
      body: { jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: meta } },
    });
    const { result, error } = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? text);
    if (error) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result;
  };
  const noop = "export function main(n: number) { return n; }";
  await instance.deploy("u/admin/noop", "bun", noop);
  const stop = async () => {
    await instance.stop();
    await postgres.stop();
  };
  return { instance, rpc, authorization, stop };
}

const deployMany = async ({ instance }) => {
  for (let n = 0; n < runnables - 1; n += 1)
    await instance.deploy(`u/admin/report_${n}`, "bun", "export function main(customer: string, month: string) {}");
};

/** Two calls in turns, so that what else the machine does hits both: medians of each and of what one costs more. */
async function beside(ctx, { one, other, count, callers: at }) {
  const turns = ctx.quick ? 4 : 10;
  const taken = { one: [], other: [] };
  for (const call of [one, other]) await together(count, at, call);
  for (let turn = 0; turn < turns; turn += 1) {
    taken.one.push(await together(count, at, one));
    taken.other.push(await together(count, at, other));
  }
  const of = (list, what) => median(list.map((each) => each[what]));
  const read = (list) => ({ p50: of(list, "p50"), p99: of(list, "p99"), perSecond: of(list, "perSecond") });
  return { one: read(taken.one), other: read(taken.other) };
}

const told = ({ p50, p99, perSecond }) => `${perSecond.toFixed(0)}/s, p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)} ms`;

/** A call of an endpoint tool that finds nothing, beside the same REST call. */
async function calls(ctx, { rpc, instance }) {
  const call = async () =>
    requireEqual(
      (await rpc("tools/call", { name: "listVariable", arguments: {} })).structuredContent,
      { items: [] },
      "call",
    );
  const rest = async () => requireEqual(await instance.api("/variables/list", { method: "GET" }), "[]", "REST");
  const [many, alone] = [
    await beside(ctx, { one: call, other: rest, count: 400, callers }),
    await beside(ctx, { one: call, other: rest, count: 150, callers: 1 }),
  ];
  return [
    {
      id: "mcp-call",
      title: `tools/call ÷ the same REST call, p50, ${callers} callers`,
      value: many.one.p50 / many.other.p50,
      must: 4,
      aim: 2.5,
      better: "lower",
      detail: `${told(many.one)}; REST ${told(many.other)}`,
    },
    {
      id: "mcp-call-ms",
      title: "tools/call − the same REST call, p50 in ms, one caller",
      value: alone.one.p50 - alone.other.p50,
      must: 3,
      aim: 1,
      better: "lower",
      detail: `${told(alone.one)}; REST ${told(alone.other)}`,
    },
  ];
}

async function lists(ctx, world) {
  await deployMany(world);
  const { rpc, instance } = world;
  const list = async () => {
    const { tools } = await rpc("tools/list");
    requireEqual(tools.filter((tool) => tool.name.startsWith("s-")).length, runnables, "listed scripts");
  };
  const rest = () => instance.api(`/scripts/list?per_page=${runnables}`, { method: "GET" });
  const cold = performance.now();
  await list();
  const coldMs = performance.now() - cold;
  const { one, other } = await beside(ctx, { one: list, other: rest, count: 60, callers });
  return {
    id: "mcp-list",
    title: `tools/list with ${runnables} scripts ÷ REST scripts/list of as many, p50, ${callers} callers`,
    value: one.p50 / other.p50,
    must: 3,
    aim: 1.5,
    better: "lower",
    detail: `${told(one)}, the first ${coldMs.toFixed(0)} ms; REST ${told(other)}`,
  };
}

/** A script that does nothing, as a tool and by `run_wait_result`. */
async function runs(ctx, { rpc, instance }) {
  const one = async (n) =>
    requireEqual(
      (await rpc("tools/call", { name: "s-u_admin_noop", arguments: { n } })).structuredContent.result,
      n,
      "run",
    );
  const other = async (n) => requireEqual(await instance.run("u/admin/noop", { n }), n, "run_wait_result");
  const taken = await beside(ctx, { one, other, count: 60, callers: 1 });
  return {
    id: "mcp-run",
    title: "a script that does nothing, as a tool − by run_wait_result, p50 in ms, one caller",
    value: taken.one.p50 - taken.other.p50,
    must: 5,
    aim: 2,
    better: "lower",
    detail: `${told(taken.one)}; REST ${told(taken.other)}; ratio ${(taken.one.p50 / taken.other.p50).toFixed(2)}`,
  };
}

export async function mcp(ctx) {
  const world = await start();
  const rows = [...(await calls(ctx, world)), await runs(ctx, world), await lists(ctx, world)];
  await world.stop();
  return rows;
}

/** Reads a stream until what came fits; the rest is kept. */
function reading(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return async (pattern) => {
    for (;;) {
      const found = pattern.exec(text);
      if (found) {
        text = text.slice(found.index + found[0].length);
        return found;
      }
      const { value, done } = await reader.read();
      if (done) throw new Error(`the stream has ended: ${text}`);
      text += value;
    }
  };
}

/** Opens a stream of the older transport and makes a call over it. @returns how to close it */
async function session({ instance, authorization }) {
  const stop = new AbortController();
  const headers = { authorization };
  const stream = await fetch(`${instance.url}/api/mcp/w/admins/sse`, { signal: stop.signal, headers });
  const next = reading(stream);
  const [, endpoint] = await next(/data: (\S+)/);
  const params = { name: "listVariable", arguments: {} };
  const body = { jsonrpc: "2.0", id: 5, method: "tools/call", params };
  await request(instance.url + endpoint, { headers, body });
  await next(/"id":5/);
  return () => stop.abort();
}

/** A stream of changes; `heard` is when it told of the next one. */
async function listener({ instance, authorization }) {
  const stop = new AbortController();
  const response = await fetch(`${instance.url}/api/mcp/w/admins/mcp`, {
    method: "POST",
    signal: stop.signal,
    headers: {
      authorization,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": revision,
      "mcp-method": "subscriptions/listen",
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "subscriptions/listen",
      params: { notifications: { toolsListChanged: true }, _meta: meta },
    }),
  });
  const next = reading(response);
  await next(/acknowledged/);
  const heard = next(/tools\/list_changed/).then(() => performance.now());
  heard.catch(() => undefined);
  return { heard, close: () => stop.abort() };
}

async function inBatches(count, size, make) {
  const made = [];
  while (made.length < count)
    made.push(...(await Promise.all(Array.from({ length: Math.min(size, count - made.length) }, make))));
  return made;
}

/** Many clients at once: what a change takes to reach all, and what streams leave behind. */
export async function mcpStreams(ctx) {
  const world = await start();
  const count = ctx.quick ? 200 : 1000;
  const listeners = await inBatches(count, 50, () => listener(world));
  const from = performance.now();
  await world.instance.deploy("u/admin/new", "bash", "true");
  const times = await Promise.all(listeners.map(({ heard }) => heard));
  const fanOut = Math.max(...times) - from;
  for (const { close } of listeners) close();
  const sessions = ctx.quick ? 100 : 500;
  const round = async () => {
    const open = await inBatches(sessions, 50, () => session(world));
    for (const close of open) close();
    await until(async () => {
      const text = await request(`${world.instance.url}/api/version`, { method: "GET" });
      if (text === "") throw new Error("gone");
    });
    await new Promise((resolve) => setTimeout(resolve, 3000)); // the collector's turn
    return treeMemory(world.instance.child.pid, (command) => !command.includes("main.js"));
  };
  await round();
  await round();
  const before = await round();
  const after = await round();
  await world.stop();
  return [
    {
      id: "mcp-fan-out",
      title: `a deployment until the last of ${count} streams of changes has heard of it, in s`,
      value: fanOut / 1000,
      must: 1,
      aim: 0.5,
      better: "lower",
      detail: `${count} streams in one process, ${fanOut.toFixed(0)} ms with the deployment itself`,
    },
    {
      id: "mcp-sessions",
      title: `memory after ${sessions} more streams of the older transport, each with a call, ÷ before`,
      value: after / before,
      must: 1.1,
      aim: 1.05,
      better: "lower",
      detail: `${after.toFixed(0)} ÷ ${before.toFixed(0)} MiB, after ${3 * sessions} streams that had come and gone`,
    },
  ];
}
