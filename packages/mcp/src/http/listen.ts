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
import { watchCaller } from "./watch.ts";

/** Streams of changes (`subscriptions/listen`). */
export interface Listens {
  open(entry: Entry, posted: Posted): Promise<Response>;
  close(): Promise<void>;
}

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
    const end = (): void => {
      stop();
      open.delete(handler);
      handler.close().catch(() => undefined);
    };
    const changed = (): void => {
      handler.notify.toolsChanged();
      handler.notify.resourcesChanged();
    };
    const stop = watchCaller({ host, changes }, entry, { changed, end });
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
