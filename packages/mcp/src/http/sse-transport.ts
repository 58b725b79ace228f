import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/server";

/** One stream of the HTTP+SSE transport (2024-11-05): answers go out on it, requests come in as posts. */
export interface SseTransport extends Transport {
  body: ReadableStream<Uint8Array>;
  /** A comment that keeps proxies from closing the stream. */
  keepAlive(): void;
}

const encoder = new TextEncoder();

function frame(event: string, data: string): Uint8Array {
  return encoder.encode(`event: ${event}\ndata: ${data}\n\n`);
}

/** @param messageUrl where the client posts to, told as the stream's first event */
export function createSseTransport(sessionId: string, messageUrl: string): SseTransport {
  let controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  const end = (): void => {
    if (!controller) return;
    const open = controller;
    controller = null;
    try {
      open.close();
    } catch {
      // the client has closed it already
    }
    transport.onclose?.();
  };
  const body = new ReadableStream<Uint8Array>({
    start(opened) {
      controller = opened;
    },
    cancel: end,
  });
  const transport: SseTransport = {
    body,
    sessionId,
    async start() {
      controller?.enqueue(frame("endpoint", messageUrl));
    },
    async send(message: JSONRPCMessage) {
      if (!controller) throw new Error("the stream has ended");
      controller.enqueue(frame("message", JSON.stringify(message)));
    },
    async close() {
      end();
    },
    keepAlive() {
      controller?.enqueue(encoder.encode(": still here\n\n"));
    },
  };
  return transport;
}
