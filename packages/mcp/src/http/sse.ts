import { parseJSONRPCMessage, type Server } from "@modelcontextprotocol/server";
import { randomToken } from "@towermill/queue";
import type { Changes } from "../changes.ts";
import type { Host } from "../host.ts";
import { createProtocolServer, type Parts, type Served } from "../protocol/server.ts";
import { parse, readText } from "./body.ts";
import type { Entry } from "./entry.ts";
import type { Mailboxes } from "./mailbox.ts";
import { fault } from "./refusal.ts";
import { createSseTransport, type SseTransport } from "./sse-transport.ts";

/** The older transport, beside the current one on the same addresses. */
export interface SseStreams {
  open(entry: Entry, request: Request): Promise<Response>;
  receive(entry: Entry, request: Request): Promise<Response>;
  count(): number;
  close(): Promise<void>;
}

interface Stream {
  id: string;
  entry: Entry;
  served: Served;
  server: Server;
  transport: SseTransport;
}

interface Place {
  parts: Parts;
  changes: Changes;
  mailboxes: Mailboxes;
  streams: Map<string, Stream>;
}

const mostPerToken = 1000;
const mostStreams = 5000;
const keepAliveMs = 15_000;
/** A revoked token's stream ends at once by notification, and within this time without one. */
const recheckMs = 5000;

/** The caller as the SDK carries it: the token itself goes no further than the gate. */
export function authInfoOf({ session }: Pick<Entry, "session">) {
  const { id, scopes } = session.principal;
  return { token: "", clientId: id, scopes: [...(scopes ?? [])], extra: { session } };
}

function end({ server }: Stream): void {
  server.close().catch(() => undefined);
}

async function recheck(host: Host, stream: Stream): Promise<void> {
  const { token, session } = stream.entry;
  const principal = await host.authenticate(token.text);
  const member = principal && session.workspace !== null ? await host.memberOf(principal, session.workspace) : null;
  const same = principal && JSON.stringify(principal.scopes) === JSON.stringify(session.principal.scopes);
  if (!member || !same) end(stream);
}

// A database that is away is no reason to end streams.
function recheckQuietly(host: Host, stream: Stream): void {
  recheck(host, stream).catch(() => undefined);
}

/** A message that was taken and is answered elsewhere, or not at all. */
export function accepted(): Response {
  return new Response("Accepted", { status: 202, headers: { "content-type": "text/plain; charset=utf-8" } });
}

function handOver({ transport, entry }: Stream, text: string): boolean {
  try {
    const message = parseJSONRPCMessage(parse(text));
    transport.onmessage?.(message, { authInfo: authInfoOf(entry) });
    return true;
  } catch {
    return false;
  }
}

function isFull({ streams }: Place, { session }: Entry): boolean {
  const own = [...streams.values()].filter((each) => each.entry.session.principal.id === session.principal.id);
  return streams.size >= mostStreams || own.length >= mostPerToken;
}

async function register({ parts, changes, mailboxes, streams }: Place, stream: Stream): Promise<void> {
  const { id, server, entry } = stream;
  const { principal, workspace } = entry.session;
  await mailboxes.open(id, { principal: principal.id, workspace: workspace ?? "" }, (text) => handOver(stream, text));
  streams.set(id, stream);
  const stop = changes.listen({
    principal: principal.id,
    email: principal.email,
    workspace,
    changed: () => void server.sendToolListChanged().catch(() => undefined),
    recheck: () => recheckQuietly(parts.host, stream),
  });
  server.onclose = () => {
    stop();
    streams.delete(id);
    mailboxes.close(id).catch(() => undefined);
  };
}

async function open(place: Place, entry: Entry, request: Request): Promise<Response> {
  if (isFull(place, entry)) return fault(429, "Too many open streams", { "retry-after": "5" });
  const { session, token } = entry;
  const id = randomToken();
  const search = new URLSearchParams({ sessionId: id, ...(token.inQuery ? { token: token.text } : {}) });
  const transport = createSseTransport(id, `/api/mcp/w/${session.workspace ?? ""}/message?${search.toString()}`);
  const served: Served = { session };
  const stream: Stream = { id, entry, served, server: createProtocolServer(place.parts, served), transport };
  await register(place, stream);
  request.signal.addEventListener("abort", () => end(stream), { once: true });
  await stream.server.connect(transport);
  return new Response(transport.body, {
    headers: {
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    },
  });
}

async function receive({ mailboxes, streams }: Place, entry: Entry, request: Request): Promise<Response> {
  const id = new URL(request.url).searchParams.get("sessionId") ?? "";
  const text = await readText(request);
  if (text === null) return fault(413, "The message is too large");
  const { principal, workspace } = entry.session;
  const stream = streams.get(id);
  const gone = (): Response => fault(404, "No such stream: open one with GET");
  if (!stream) {
    const passed = workspace !== null && (await mailboxes.post(id, { principal: principal.id, workspace }, text));
    return passed ? accepted() : gone();
  }
  const { session } = stream.entry;
  if (session.principal.id !== principal.id || session.workspace !== workspace) return gone();
  stream.served.session = { ...entry.session, narrowing: session.narrowing };
  return handOver(stream, text) ? accepted() : fault(400, "The message is no JSON-RPC message");
}

export interface SseParts {
  parts: Parts;
  changes: Changes;
  mailboxes: Mailboxes;
}

export function createSseStreams({ parts, changes, mailboxes }: SseParts): SseStreams {
  const { host } = parts;
  const streams = new Map<string, Stream>();
  const place: Place = { parts, changes, mailboxes, streams };
  const keepAlive = (): void => {
    for (const { transport } of streams.values()) transport.keepAlive();
  };
  const recheckAll = (): void => streams.forEach((stream) => recheckQuietly(host, stream));
  const timers = [setInterval(recheckAll, recheckMs).unref(), setInterval(keepAlive, keepAliveMs).unref()];
  return {
    count: () => streams.size,
    open: (entry, request) => open(place, entry, request),
    receive: (entry, request) => receive(place, entry, request),
    async close() {
      for (const timer of timers) clearInterval(timer);
      await Promise.all(Array.from(streams.values(), ({ server }) => server.close().catch(() => undefined)));
    },
  };
}
