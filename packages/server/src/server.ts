import type { AddressInfo } from "node:net";
import { serve, type ServerType } from "@hono/node-server";
import { settingsOperations } from "@towermill/contract";
import type { Hono } from "hono";
import { identityRoutes } from "./handlers/identity.ts";
import { itemRoutes } from "./handlers/items.ts";
import { jobRoutes } from "./handlers/job-routes.ts";
import { settingsHandlers } from "./handlers/settings.ts";
import { createApp } from "./http/app.ts";
import { mount } from "./http/mount.ts";
import { createAuthentication, type Authentication } from "./identity/authentication.ts";
import type { Services } from "./services.ts";

/** The whole API as one application. It needs no socket: tests call `app.request(...)`. */
export function createServer(services: Services): { app: Hono; auth: Authentication } {
  const auth = createAuthentication({ db: services.db, bus: services.bus, now: () => services.clock.now() });
  const routes = [
    ...mount(settingsOperations, settingsHandlers(services)),
    ...identityRoutes(services),
    ...itemRoutes(services, auth),
    ...jobRoutes(services, auth),
  ];
  return { app: createApp({ services, auth, routes }), auth };
}

export interface Listening {
  port: number;
  /** Stops taking requests, lets those in flight end for a moment, then closes every connection. */
  close(): Promise<void>;
}

/** Listens; port 0 takes any free one. @throws the system's error when the address is taken */
export function listen(app: Hono, { host, port }: { host: string; port: number }): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const server: ServerType = serve(
      {
        fetch: app.fetch,
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
