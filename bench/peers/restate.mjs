// Restate: its server, and a service of ours on its SDK whose handlers take durable steps.
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { end, folder, freePorts, request, start, until } from "../processes.mjs";
import { installed, node24 } from "./install.mjs";

/** Steps of a handler: each is `work` of the script, kept in Restate's log. */
async function serve(port, handlers, place) {
  const restate = createRequire(join(place, "package.json"))("@restatedev/restate-sdk");
  const { work } = await import("./work.mjs");
  const handler =
    ({ steps, n }) =>
    async (ctx) => {
      let x = 0;
      for (let step = 0; step < steps; step += 1) x = await ctx.run(`s${step}`, () => work(n));
      return x;
    };
  const named = Object.fromEntries(Object.entries(handlers).map(([name, given]) => [name, handler(given)]));
  restate.serve({ services: [restate.service({ name: "flows", handlers: named })], port, hostname: "127.0.0.1" });
}

/**
 * Starts Restate with handlers of durable steps in a row.
 * @param handlers `{name: {steps, n}}`: each step computes fib(n)
 */
export async function restate(handlers) {
  const place = installed("restate", ["@restatedev/restate-server@1.7.12", "@restatedev/restate-sdk@1.17.2"]);
  const home = folder("restate");
  const [node, admin, ingress, service] = await freePorts(4);
  const server = start(
    join(place, "node_modules/@restatedev/restate-server-linux-x64/bin/restate-server"),
    ["--base-dir", home],
    {
      env: {
        PATH: process.env.PATH,
        HOME: home,
        RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
        RESTATE_ADVERTISED_ADDRESS: `http://127.0.0.1:${node}/`,
        RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
        RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
        RESTATE_DISABLE_TELEMETRY: "true",
        DO_NOT_TRACK: "1",
        RESTATE_LOG_FILTER: "warn",
      },
    },
  );
  const options = JSON.stringify({ port: service, handlers, place });
  const app = start(join(node24(), "bin/node"), [fileURLToPath(import.meta.url), options], {
    env: { PATH: process.env.PATH, HOME: home, NODE_ENV: "production", RESTATE_LOGGING: "ERROR" },
  });
  await until(() => request(`http://127.0.0.1:${admin}/health`, { method: "GET" }), 60_000, server);
  const deployment = { uri: `http://127.0.0.1:${service}`, force: true };
  await until(() => request(`http://127.0.0.1:${admin}/deployments`, { body: deployment }), 60_000, app);
  const call = (name) => request(`http://127.0.0.1:${ingress}/flows/${name}`, { body: {} });
  await until(() => call(Object.keys(handlers)[0]), 60_000, server);
  return { call, stop: () => Promise.all([end(app), end(server)]) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { port, handlers, place } = JSON.parse(process.argv[2]);
  await serve(port, handlers, place);
}
