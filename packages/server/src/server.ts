import type { AddressInfo } from "node:net";
import { serve, type ServerType } from "@hono/node-server";
import { docsOperations, settingsOperations } from "@towermill/contract";
import type { Hono } from "hono";
import { docsHandlers } from "./handlers/docs.ts";
import { identityRoutes } from "./handlers/identity.ts";
import { itemRoutes } from "./handlers/items.ts";
import { jobRoutes } from "./handlers/job-routes.ts";
import { createMcpHost } from "./handlers/mcp-host.ts";
import { guardDeployments } from "./handlers/protection-rules.ts";
import { settingsHandlers } from "./handlers/settings.ts";
import { createApp } from "./http/app.ts";
import { mount } from "./http/mount.ts";
import { createAuthentication, type Authentication } from "./identity/authentication.ts";
import { createOAuth } from "./oauth/oauth.ts";
import type { Services } from "./services.ts";

export interface Server {
  /** The whole API as one application. It needs no socket: tests call `app.request(...)`. */
  app: Hono;
  auth: Authentication;
  /** What the MCP face needs: who calls, and every operation in process. */
  mcpHost: ReturnType<typeof createMcpHost>;
  /** The authorization server for MCP clients. */
  oauth: ReturnType<typeof createOAuth>;
}

export function createServer(services: Services): Server {
  const auth = createAuthentication({ db: services.db, bus: services.bus, now: () => services.clock.now() });
  const routes = guardDeployments(services, [
    ...mount(settingsOperations, settingsHandlers(services)),
    ...mount(docsOperations, docsHandlers()),
    ...identityRoutes(services),
    ...itemRoutes(services, auth),
    ...jobRoutes(services, auth),
  ]);
  const app = createApp({ services, auth, routes });
  // where collectors look unless told otherwise
  app.get("/metrics", (c) => app.fetch(new Request(c.req.url.replace("/metrics", "/api/metrics"), c.req.raw), c.env));
  return {
    app,
    auth,
    mcpHost: createMcpHost({ services, auth, routes }),
    oauth: createOAuth(services, auth),
  };
}

export interface Listening {
  port: number;
  /** Stops taking requests, lets those in flight end for a moment, then closes every connection. */
  close(): Promise<void>;
}

/** Answers a request; `env` is what the adapter knows of its socket. */
export type Fetch = (request: Request, env: object) => Response | Promise<Response>;

/** Listens; port 0 takes any free one. @throws the system's error when the address is taken */
export function listen(fetch: Fetch, { host, port }: { host: string; port: number }): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const server: ServerType = serve(
      {
        fetch,
        hostname: host,
        port,
        serverOptions: {
          headersTimeout: 20_000,
          requestTimeout: 300_000,
          keepAliveTimeout: 65_000,
          maxHeaderSize: 16_384,
        },
      },
      () => resolve({ port: (server.address() as AddressInfo).port, close: () => closeServer(server) }),
    );
    server.on("error", reject);
  });
}

function closeServer(server: ServerType): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    const cutOff = setTimeout(() => "closeAllConnections" in server && server.closeAllConnections(), 1000);
    cutOff.unref();
    if ("closeIdleConnections" in server) server.closeIdleConnections();
  });
}
