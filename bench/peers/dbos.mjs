// DBOS: a library that keeps the steps of workflows in PostgreSQL; here in a small HTTP server of its own.
import http from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { end, request, start, until } from "../processes.mjs";
import { installed } from "./install.mjs";
import { work } from "./work.mjs";

async function serve(workflows, place, databaseUrl) {
  const { DBOS } = createRequire(join(place, "package.json"))("@dbos-inc/dbos-sdk");
  // ours names a unix socket after the question mark and no host, which is no URL for DBOS
  const systemDatabaseUrl = databaseUrl.replace(/@[^/]*\/[^?]*/, "@localhost/dbos_bench");
  DBOS.setConfig({
    name: "bench",
    systemDatabaseUrl,
    logLevel: "error",
    systemDatabasePoolSize: 20,
    runAdminServer: false,
  });
  const workflow = (name, { steps, n }) =>
    DBOS.registerWorkflow(
      async () => {
        let x = 0;
        for (let step = 0; step < steps; step += 1) x = await DBOS.runStep(async () => work(n), { name: `s${step}` });
        return x;
      },
      { name },
    );
  const registered = new Map(Object.entries(workflows).map(([name, given]) => [name, workflow(name, given)]));
  await DBOS.launch();
  const server = http.createServer(async (incoming, answer) => {
    incoming.resume();
    const run = registered.get(incoming.url.slice(1));
    const result = await run().catch((error) => ({ error: String(error) }));
    answer.end(JSON.stringify(result));
  });
  server.listen(0, "127.0.0.1", () => console.log(`listens at ${server.address().port}.`));
  process.on("SIGTERM", () => process.exit(0));
}

/**
 * Starts DBOS with workflows of durable steps in a row.
 * @param workflows `{name: {steps, n}}`: each step computes fib(n)
 * @param databaseUrl where it keeps its state, in a database of its own
 */
export async function dbos(workflows, databaseUrl) {
  const place = installed("dbos", ["@dbos-inc/dbos-sdk@5.3.0"]);
  const options = JSON.stringify({ workflows, place, databaseUrl });
  const child = start(process.execPath, [fileURLToPath(import.meta.url), options], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: "production" },
  });
  const port = await until(
    async () => {
      const found = /listens at (\d+)\./.exec(child.text);
      if (!found) throw new Error(child.text);
      return found[1];
    },
    60_000,
    child,
  );
  return { call: (name) => request(`http://127.0.0.1:${port}/${name}`), stop: () => end(child) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { workflows, place, databaseUrl } = JSON.parse(process.argv[2]);
  await serve(workflows, place, databaseUrl);
}
