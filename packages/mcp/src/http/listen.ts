import {
  createMcpHandler,
  InMemoryServerEventBus,
  type McpHttpHandler,
  type McpServerFactory,
} from "@modelcontextprotocol/server";
import type { Changes } from "../changes.ts";
import type { Host } from "../host.ts";
import type { Entry } from "./entry.ts";
import type { Posted } from "./exchange.ts";
import { fault } from "./refusal.ts";
import { authInfoOf } from "./sse.ts";

/** Streams of changes (`subscriptions/listen`). */
export interface Listens {
  open(entry: Entry, posted: Posted): Promise<Response>;
  close(): Promise<void>;
}

/** Without a notification, an ended token ends its streams within this time. */
const recheckMs = 5000;
const mostStreams = 5000;

interface ListenOptions {
  host: Host;
  changes: Changes;
  build: McpServerFactory;
  onerror(error: Error): void;
}

/** Each stream has a handler and a bus of its own, so that one caller's changes wake nobody else. */
export function createListens({ host, changes, build, onerror }: ListenOptions): Listens {
  const open = new Map<McpHttpHandler, () => void>();

  const watch = (entry: Entry, handler: McpHttpHandler): void => {
    const { principal, workspace } = entry.session;
    const recheck = async (): Promise<void> => {
      const again = await host.authenticate(entry.token.text);
      const member = again && workspace !== null ? await host.memberOf(again, workspace) : null;
      if (!again || (workspace !== null && !member)) end();
    };
    // A database that is away is no reason to end streams.
    const quietly = (): void => void recheck().catch(() => undefined);
    const changed = (): void => {
      handler.notify.toolsChanged();
      handler.notify.resourcesChanged();
    };
    const stop = changes.listen({
      principal: principal.id,
      email: principal.email,
      workspace,
      changed,
      recheck: quietly,
    });
    const timer = setInterval(quietly, recheckMs);
    timer.unref();
    const end = (): void => {
      clearInterval(timer);
      stop();
      open.delete(handler);
      handler.close().catch(() => undefined);
    };
    open.set(handler, end);
  };

  return {
    async open(entry, { request, body }) {
      if (open.size >= mostStreams) return fault(429, "Too many open streams", { "retry-after": "5" });
      const handler = createMcpHandler(build, { onerror, bus: new InMemoryServerEventBus() });
      watch(entry, handler);
      const end = (): void => open.get(handler)?.();
      request.signal.addEventListener("abort", end, { once: true });
      const { session } = entry;
      const response = await handler.fetch(request, {
        parsedBody: body,
        authInfo: { ...authInfoOf(entry), extra: { session } },
      });
      if (!(response.headers.get("content-type") ?? "").includes("event-stream")) end();
      return response;
    },
    async close() {
      for (const end of Array.from(open.values())) end();
    },
  };
}
