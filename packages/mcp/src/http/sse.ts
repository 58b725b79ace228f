import { parseJSONRPCMessage, type Server } from "@modelcontextprotocol/server";
import { randomToken } from "@towermill/queue";
import type { Changes } from "../changes.ts";
import { createProtocolServer, type Parts, type Served } from "../protocol/server.ts";
import { parse, readText } from "./body.ts";
import type { Entry } from "./entry.ts";
import { createRelay } from "./relay.ts";
import { fault } from "./refusal.ts";
import { createSseTransport, type SseTransport } from "./sse-transport.ts";

interface Stream {
  id: string;
  entry: Entry;
  served: Served;
  server: Server;
  transport: SseTransport;
}

/** The older transport, beside the current one on the same addresses. */
export interface SseStreams {
  open(entry: Entry, request: Request): Promise<Response>;
  receive(entry: Entry, request: Request): Promise<Response>;
  count(): number;
  close(): Promise<void>;
}

const mostPerToken = 1000;
const mostStreams = 5000;
const keepAliveMs = 15_000;
/** A revoked token's stream ends at once by notification, and within this time without one. */
const recheckMs = 5000;

export function createSseStreams(parts: Parts, changes: Changes): SseStreams {
  const { host } = parts;
  const streams = new Map<string, Stream>();
  const deliver = (id: string, text: string): void => {
    const stream = streams.get(id);
    if (stream) handOver(stream, text);
  };
  const relay = createRelay({ db: host.db, bus: host.bus, has: (id) => streams.has(id), deliver });
  const end = (stream: Stream): void => void stream.server.close().catch(() => undefined);
  const recheck = async (stream: Stream): Promise<void> => {
    const { token, session } = stream.entry;
    const principal = await host.authenticate(token.text);
    const member = principal && session.workspace !== null ? await host.memberOf(principal, session.workspace) : null;
    if (!principal || !member || JSON.stringify(principal.scopes) !== JSON.stringify(session.principal.scopes))
      end(stream);
  };
  // A database that is away is no reason to end streams.
  const recheckQuietly = (stream: Stream): void => void recheck(stream).catch(() => undefined);
  const timers = [
    setInterval(() => [...streams.values()].forEach(recheckQuietly), recheckMs),
    setInterval(() => {
      for (const { transport } of streams.values()) transport.keepAlive();
      relay.beat([...streams.keys()]).catch(() => undefined);
    }, keepAliveMs),
  ];
  for (const timer of timers) timer.unref();

  const ownStreams = ({ session }: Entry): number =>
    [...streams.values()].filter((each) => each.entry.session.principal.id === session.principal.id).length;

  return {
    count: () => streams.size,
    async open(entry, request) {
      const { session, token } = entry;
      const workspace = session.workspace ?? "";
      if (streams.size >= mostStreams || ownStreams(entry) >= mostPerToken)
        return fault(429, "Too many open streams", { "retry-after": "5" });
      const id = randomToken();
      const search = new URLSearchParams({ sessionId: id, ...(token.inQuery ? { token: token.text } : {}) });
      const transport = createSseTransport(id, `/api/mcp/w/${workspace}/message?${search.toString()}`);
      const served: Served = { session };
      const server = createProtocolServer(parts, served);
      const stream: Stream = { id, entry, served, server, transport };
      await relay.open({ id, principal: session.principal.id, workspace });
      streams.set(id, stream);
      const { id: principal, email } = session.principal;
      const changed = (): void => void server.sendToolListChanged().catch(() => undefined);
      const stop = changes.listen({ principal, email, workspace, changed, recheck: () => recheckQuietly(stream) });
      server.onclose = () => {
        stop();
        streams.delete(id);
        relay.close(id).catch(() => undefined);
      };
      request.signal.addEventListener("abort", () => end(stream), { once: true });
      await server.connect(transport);
      return new Response(transport.body, {
        headers: {
          "content-type": "text/event-stream",
          "cache-control": "no-cache, no-transform",
          "x-accel-buffering": "no",
        },
      });
    },
    async receive(entry, request) {
      const id = new URL(request.url).searchParams.get("sessionId") ?? "";
      const text = await readText(request);
      if (text === null) return fault(413, "The message is too large");
      const { principal, workspace } = entry.session;
      const stream = streams.get(id);
      if (!stream) {
        const passed =
          workspace !== null && (await relay.pass({ stream: id, principal: principal.id, workspace, text }));
        return passed ? accepted() : fault(404, "No such stream: open one with GET");
      }
      const same = stream.entry.session.principal.id === principal.id && stream.entry.session.workspace === workspace;
      if (!same) return fault(404, "No such stream: open one with GET");
      stream.served.session = { ...entry.session, narrowing: stream.entry.session.narrowing };
      return handOver(stream, text) ? accepted() : fault(400, "The message is no JSON-RPC message");
    },
    async close() {
      for (const timer of timers) clearInterval(timer);
      relay.stop();
      await Promise.all([...streams.values()].map((each) => each.server.close().catch(() => undefined)));
    },
  };
}

function accepted(): Response {
  return new Response("Accepted", { status: 202, headers: { "content-type": "text/plain; charset=utf-8" } });
}

function handOver({ transport, entry }: Pick<Stream, "transport" | "entry">, text: string): boolean {
  try {
    const message = parseJSONRPCMessage(parse(text));
    transport.onmessage?.(message, { authInfo: authInfoOf(entry) });
    return true;
  } catch {
    return false;
  }
}

/** The caller as the SDK carries it: the token itself goes no further than the gate. */
export function authInfoOf({ session }: Pick<Entry, "session">) {
  return {
    token: "",
    clientId: session.principal.id,
    scopes: [...(session.principal.scopes ?? [])],
    extra: { session },
  };
}
