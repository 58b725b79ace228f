import { createMcpHandler } from "@modelcontextprotocol/server";
import { createChanges } from "./changes.ts";
import { endpointTools } from "./endpoint/tool.ts";
import type { Host } from "./host.ts";
import { readAddress, type Address } from "./http/address.ts";
import { parse, readText } from "./http/body.ts";
import { createCancellations } from "./http/cancellation.ts";
import { admit, type Entry } from "./http/entry.ts";
import { createExchange, servedBy, type Message } from "./http/exchange.ts";
import { inquire } from "./http/inquiry.ts";
import { createListens } from "./http/listen.ts";
import { readSession } from "./http/introduction.ts";
import { createMailboxes } from "./http/mailbox.ts";
import { createNotices } from "./http/notices.ts";
import { refuseForeign } from "./http/origin.ts";
import { fault } from "./http/refusal.ts";
import { authInfoOf, createSseStreams } from "./http/sse.ts";
import type { TaskKeeper } from "./job/task.ts";
import { createJobTasks } from "./job/task-keeper.ts";
import { ownTools } from "./own-tools.ts";
import { createSeal } from "./protocol/agreement.ts";
import { createProtocolServer, type Parts, type Served } from "./protocol/server.ts";
import { createCatalogue } from "./runnable/catalogue.ts";
import { flowSource, scriptSource } from "./runnable/runnable.ts";
import { createToolbox } from "./toolbox.ts";

/** The MCP server of an instance. */
export interface Mcp {
  /** Whether a path belongs to it; everything else under `/api` is the REST API's. */
  serves(pathname: string): boolean;
  /** Answers every request, errors included; needs no socket. */
  fetch(request: Request): Promise<Response>;
  /** Streams of the older transport that are open in this process. */
  streams(): number;
  /** Ends every stream. */
  close(): Promise<void>;
}

export interface McpOptions {
  extend?: Parts["extend"];
  /** Where tasks are, for a server whose tools are not jobs; jobs unless told. */
  tasks?: TaskKeeper;
}

function assemble(host: Host, { extend, tasks = createJobTasks(host) }: McpOptions): Parts {
  const taken = new Set([...endpointTools(host.operations).keys(), ...ownTools.keys()]);
  const catalogue = createCatalogue({
    db: host.db,
    bus: host.bus,
    sources: host.sources ?? [scriptSource, flowSource],
    taken,
  });
  return {
    host,
    toolbox: createToolbox(host, catalogue),
    catalogue,
    seal: createSeal(host.secret),
    tasks,
    ...(extend ? { extend } : {}),
  };
}

/** A GET opens a stream: of the older transport on its own address, else of changes to a client of the 2025 revisions. */
function methodsOf(address: Address, { headers }: Request): readonly string[] {
  if (address.kind === "message") return ["POST"];
  if (address.kind !== "endpoint") return ["GET"];
  const isSession = readSession(headers.get("mcp-session-id")) !== null;
  const takesStream = (headers.get("accept") ?? "").includes("text/event-stream");
  return address.sse || (isSession && takesStream) ? ["GET", "POST"] : ["POST"];
}

export function createMcp(host: Host, options: McpOptions = {}): Mcp {
  const parts = assemble(host, options);
  const { catalogue } = parts;
  const changes = createChanges({ bus: host.bus, forget: (workspace) => catalogue.forget(workspace) });
  const mailboxes = createMailboxes(host);
  const streams = createSseStreams({ parts, changes, mailboxes });
  const cancellations = createCancellations(host.bus);
  const onerror = (error: Error): void => host.log.warn({ err: error }, "an MCP request was refused");
  const create = (served: Served) => createProtocolServer(parts, served);
  const build = servedBy(create);
  const shared = createMcpHandler(build, { onerror });
  const listens = createListens({ host, changes, build, onerror });
  const notices = createNotices({ host, changes });
  const exchange = createExchange({ handler: shared, create, cancellations, mailboxes });

  const post = async (entry: Entry, request: Request): Promise<Response> => {
    const text = await readText(request);
    if (text === null) return fault(413, "The request is too large");
    const body = parse(text);
    if (body === undefined) {
      const { url, headers } = request;
      return shared.fetch(new Request(url, { method: "POST", headers, body: text }), { authInfo: authInfoOf(entry) });
    }
    const message: Message = typeof body === "object" && body !== null && !Array.isArray(body) ? body : {};
    return (message.method === "subscriptions/listen" ? listens.open : exchange)(entry, { request, body, message });
  };

  const route = async (address: Address, request: Request): Promise<Response> => {
    const entry = await admit(host, request, address.workspace);
    if (entry instanceof Response) return entry;
    const { method } = request;
    const allowed = methodsOf(address, request);
    if (!allowed.includes(method)) return fault(405, "Method not allowed", { allow: allowed.join(", ") });
    if (address.kind === "message") return streams.receive(entry, request);
    if (address.kind !== "endpoint") return inquire(parts, { address, entry, request });
    if (method === "POST") return post(entry, request);
    return address.sse ? streams.open(entry, request) : notices.open(entry, request);
  };

  return {
    serves: (pathname) => readAddress(pathname) !== null,
    streams: streams.count,
    async fetch(request) {
      const address = readAddress(new URL(request.url).pathname);
      if (!address) return fault(404, "No such address of the MCP server");
      const refused = refuseForeign(request, host.baseUrl);
      if (refused) return refused;
      try {
        return await route(address, request);
      } catch (error) {
        host.log.error({ err: error }, "an MCP request failed unexpectedly");
        return fault(500, "Internal error; the server log holds the details");
      }
    },
    async close() {
      cancellations.close();
      notices.close();
      changes.close();
      catalogue.close();
      await Promise.all([streams.close(), shared.close(), listens.close()]);
      mailboxes.stop();
      await host.settle?.();
    },
  };
}
