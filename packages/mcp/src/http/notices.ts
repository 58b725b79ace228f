import type { Changes } from "../changes.ts";
import type { Host } from "../host.ts";
import type { Entry } from "./entry.ts";
import { fault } from "./refusal.ts";
import { watchCaller } from "./watch.ts";

/** The stream by which clients of the 2025 revisions hear of changes, over Streamable HTTP. */
export interface Notices {
  open(entry: Entry, request: Request): Response;
  close(): void;
}

const mostStreams = 5000;
const keepAliveMs = 15_000;
const encoder = new TextEncoder();

function frame(method: string): Uint8Array {
  return encoder.encode(`event: message\ndata: ${JSON.stringify({ jsonrpc: "2.0", method })}\n\n`);
}

export function createNotices(place: { host: Host; changes: Changes }): Notices {
  const open = new Set<() => void>();

  const stream = (entry: Entry, request: Request): ReadableStream<Uint8Array> => {
    let end: () => void = () => undefined;
    return new ReadableStream<Uint8Array>({
      start(controller) {
        const say = (bytes: Uint8Array): void => controller.enqueue(bytes);
        const changed = (): void => {
          say(frame("notifications/tools/list_changed"));
          say(frame("notifications/resources/list_changed"));
        };
        const stop = watchCaller(place, entry, { changed, end: () => end() });
        const timer = setInterval(() => say(encoder.encode(": still here\n\n")), keepAliveMs).unref();
        end = () => {
          if (!open.delete(end)) return;
          clearInterval(timer);
          stop();
          try {
            controller.close();
          } catch {
            // the client has closed it already
          }
        };
        open.add(end);
        request.signal.addEventListener("abort", end, { once: true });
        say(encoder.encode(": listening\n\n"));
      },
      cancel: () => end(),
    });
  };

  return {
    open(entry, request) {
      if (open.size >= mostStreams) return fault(429, "Too many open streams", { "retry-after": "5" });
      return new Response(stream(entry, request), {
        headers: {
          "content-type": "text/event-stream",
          "cache-control": "no-cache, no-transform",
          "x-accel-buffering": "no",
        },
      });
    },
    close() {
      for (const end of Array.from(open)) end();
    },
  };
}
