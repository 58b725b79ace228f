import { randomUUID } from "node:crypto";
import { ApiError, windmillOperations, type OperationSpec } from "@towermill/contract";
import { errorCode, isConnectionLoss } from "@towermill/store";
import { Hono } from "hono";
import { TrieRouter } from "hono/router/trie-router";
import type { Authentication } from "../identity/authentication.ts";
import { anonymous } from "../identity/caller.ts";
import type { Services } from "../services.ts";
import { errorAnswer, plainText } from "./answer.ts";
import type { Call } from "./call.ts";
import { credentialsOf, requireSameOrigin } from "./credentials.ts";
import { invoke, type Invocation } from "./invoke.ts";
import { RememberingRouter } from "./remembering-router.ts";
import { readFromSocket, type Socket } from "./socket.ts";

/** A handler as the router sees it: the operation's own types are checked where handlers are written. */
export type AnyHandler = (call: Call) => Promise<unknown>;

export interface Route {
  operation: OperationSpec;
  handle: AnyHandler;
}

/** `/w/{workspace}/scripts/get/p/{path}` → `/api/w/:workspace/scripts/get/p/:path{.+}`: only a last path may hold slashes. */
export function routePattern(path: string): string {
  return `/api${path.replace(/\{(\w+)\}$/, (_, name: string) => (/(^|_)path$|^key$/.test(name) ? `:${name}{.+}` : `:${name}`)).replace(/\{(\w+)\}(?=\/)/g, ":$1")}`;
}

async function respond(
  { services, auth, route }: { services: Services; auth: Authentication; route: Route },
  { request, params, socket }: Pick<Invocation, "request" | "params" | "socket">,
): Promise<Response> {
  const { operation: op } = route;
  if (socket) readFromSocket(request, socket);
  const at = request.url.indexOf("?");
  const search = new URLSearchParams(at === -1 ? "" : request.url.slice(at + 1));
  const credentials = credentialsOf(request, search);
  const found = await auth.byToken(credentials.token, credentials.byCookie);
  if (!found && op.access !== "public")
    throw new ApiError("unauthorized", "Unauthorized: the token is invalid, expired or revoked");
  const caller = found ?? anonymous;
  if (caller.kind === "account" && caller.byCookie) requireSameOrigin(request, services.baseUrl);
  return invoke({ services, auth, route }, { request, params, search, caller, socket });
}

/** What any error becomes at the edge; one that nobody expected is logged and told only by its request id. */
export function toApiError(error: unknown, services: Services, requestId: string): ApiError {
  if (error instanceof ApiError) return error;
  if (isConnectionLoss(error)) return new ApiError("unavailable", "The database cannot be reached");
  const code = errorCode(error) ?? "";
  // a value that PostgreSQL cannot hold: NUL in a text, a broken encoding, digits that are no number
  if (["22021", "22P02", "22P05", "22003"].includes(code)) {
    return new ApiError(
      "bad_request",
      `A value of the request cannot be stored: ${error instanceof Error ? error.message : code}`,
    );
  }
  services.log.error({ err: error, requestId }, "a request failed unexpectedly");
  return new ApiError("internal", `Internal error, request ${requestId}`);
}

/** What the adapter for Node adds to a request that came over a socket; in tests there is none. */
export function socketOf(env: unknown): Socket | undefined {
  return typeof env === "object" && env !== null && "incoming" in env && "outgoing" in env
    ? (env as Socket)
    : undefined;
}

/** The HTTP application: every route, authentication, permission, errors. Takes web-standard requests, needs no socket. */
export function createApp({
  services,
  auth,
  routes,
}: {
  services: Services;
  auth: Authentication;
  routes: Route[];
}): Hono {
  const app = new Hono({ router: new RememberingRouter(new TrieRouter()) });
  for (const route of routes) {
    app.on(route.operation.method, routePattern(route.operation.path), async (c) => {
      try {
        const socket = socketOf(c.env);
        const params = c.req.param() as Record<string, string>;
        return await respond({ services, auth, route }, { request: c.req.raw, params, socket });
      } catch (error) {
        const requestId = c.req.header("x-request-id") ?? randomUUID();
        return errorAnswer(toApiError(error, services, requestId), {
          accept: c.req.header("accept") ?? null,
          id: requestId,
        });
      }
    });
  }
  const built = new Set(routes.map((route) => `${route.operation.method} ${route.operation.path}`));
  for (const known of windmillOperations.filter((op) => !built.has(`${op.method} ${op.path}`))) {
    app.on(known.method, routePattern(known.path), () =>
      plainText(`${known.id} is not implemented in this version`, 501),
    );
  }
  app.all("/api/*", (c) => plainText(`No such operation: ${c.req.method} ${c.req.path}`, 404));
  return app;
}
