// The floor: the least that a durable job through HTTP can cost on this machine. One process; a row inserted already
// claimed, a reused bun that runs the code, a statement that completes: two commits. No authentication, logs or sandbox.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { findBun } from "../packages/runtimes/dist/bun/binary.js";
import { folder } from "./processes.mjs";

const pg = createRequire(new URL("../packages/store/package.json", import.meta.url))("pg");

const guest = `
import { writeSync } from "node:fs";
const decoder = new TextDecoder(); let text = "";
writeSync(1, "ready\\n");
for await (const chunk of Bun.stdin.stream()) {
  text += decoder.decode(chunk, { stream: true });
  for (let at = text.indexOf("\\n"); at >= 0; at = text.indexOf("\\n")) {
    const { path, args } = JSON.parse(text.slice(0, at)); text = text.slice(at + 1);
    const module = await import(path);
    writeSync(1, JSON.stringify(await module.main(...args)) + "\\n");
  }
}`;

function startRunner(place, bun) {
  const child = spawn(bun, ["run", join(place, "guest.ts")], { stdio: ["pipe", "pipe", "ignore"] });
  let text = "";
  const waiting = [];
  child.stdout.on("data", (chunk) => {
    text += chunk;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n")) {
      waiting.shift()?.(text.slice(0, at));
      text = text.slice(at + 1);
    }
  });
  const line = () => new Promise((resolve) => waiting.push(resolve));
  return { child, ready: line(), ask: (request) => (child.stdin.write(`${JSON.stringify(request)}\n`), line()) };
}

/** Starts the floor with `slots` runners; `url` takes the arguments of `main` as a JSON array. */
export async function startFloor(databaseUrl, slots = 4) {
  const place = folder("floor");
  writeFileSync(join(place, "guest.ts"), guest);
  writeFileSync(join(place, "script.ts"), "export function main(name, n) { return { hello: name, n: n + 1 } }");
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 8 });
  await pool.query("create table if not exists floor_queue (id uuid primary key, running boolean not null, args json)");
  await pool.query(
    "create table if not exists floor_done (id uuid primary key, result json, at timestamptz default now())",
  );
  const bun = await findBun();
  const runners = Array.from({ length: slots }, () => startRunner(place, bun));
  await Promise.all(runners.map((runner) => runner.ready));
  const idle = [...runners];
  const waiting = [];
  const take = () => (idle.length > 0 ? idle.pop() : new Promise((resolve) => waiting.push(resolve)));
  const give = (runner) => (waiting.length > 0 ? waiting.shift()(runner) : idle.push(runner));
  const handle = async (args) => {
    const id = crypto.randomUUID();
    const runner = await take();
    await pool.query({
      name: "push",
      text: "insert into floor_queue values ($1, true, $2)",
      values: [id, JSON.stringify(args)],
    });
    const result = await runner.ask({ path: join(place, "script.ts"), args });
    const text =
      "with d as (delete from floor_queue where id = $1 returning id) insert into floor_done (id, result) select id, $2 from d";
    await pool.query({ name: "done", text, values: [id, result] });
    give(runner);
    return result;
  };
  const server = http.createServer((incoming, answer) => {
    const chunks = [];
    incoming.on("data", (chunk) => chunks.push(chunk));
    incoming.on("end", async () => answer.end(await handle(JSON.parse(Buffer.concat(chunks)))));
  });
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    async stop() {
      server.close();
      server.closeAllConnections();
      for (const runner of runners) runner.child.kill();
      await pool.end();
    },
  };
}
