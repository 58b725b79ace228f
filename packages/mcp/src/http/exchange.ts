import {
  isLegacyRequest,
  type McpHttpHandler,
  type McpRequestContext,
  type Server,
} from "@modelcontextprotocol/server";
import type { Served } from "../protocol/server.ts";
import type { Cancellations } from "./cancellation.ts";
import { converse } from "./conversation.ts";
import type { Entry } from "./entry.ts";
import { openSession, readSession, type ClientSession } from "./introduction.ts";
import type { Mailboxes, Owner } from "./mailbox.ts";
import { fault } from "./refusal.ts";
import { accepted, authInfoOf } from "./sse.ts";

/** A JSON-RPC message as far as routing looks into it. */
export interface Message {
  id?: string | number;
  method?: string;
  params?: { requestId?: string | number; taskId?: string };
  result?: unknown;
  error?: unknown;
}

export interface Posted {
  /** Without its body, which has been read. */
  request: Request;
  body: unknown;
  message: Message;
}

const sessionHeader = "mcp-session-id";

/** Hands what the gate found to the server that is made for a request. */
export function servedBy(create: (served: Served) => Server): (context: McpRequestContext) => Server {
  return (context) => create((context.authInfo?.extra ?? {}) as unknown as Served);
}

/** Requests in the course of which a client may be asked something. */
const asking = new Set(["tools/call", "prompts/get", "resources/read"]);

/** Whether a post is served by a server that can ask its client back. */
async function mayAsk(client: ClientSession | null, { request, body, message }: Posted): Promise<boolean> {
  if (!client?.introduction || message.id === undefined || !asking.has(message.method ?? "")) return false;
  return Object.keys(client.introduction.capabilities).length > 0 && (await isLegacyRequest(request, body));
}

function ownerOf({ session }: Entry): Owner {
  return { principal: session.principal.id, workspace: session.workspace ?? "" };
}

export interface ExchangeParts {
  handler: McpHttpHandler;
  create(served: Served): Server;
  cancellations: Cancellations;
  mailboxes: Mailboxes;
}

/**
 * Serves one post. Clients of the 2025 revisions get a session id, which tells who they are and by which their
 * cancellations find a request; their answers to questions find the question by its id.
 */
export function createExchange({ handler, create, cancellations, mailboxes }: ExchangeParts) {
  return async (entry: Entry, posted: Posted): Promise<Response> => {
    const { request, body, message } = posted;
    const { id, method, params } = message;
    const named = request.headers.get("mcp-name");
    if (method?.startsWith("tasks/") && named !== null && named.trim() !== params?.taskId) {
      return Response.json(
        { jsonrpc: "2.0", id: id ?? null, error: { code: -32020, message: "Mcp-Name does not match params.taskId" } },
        { status: 400 },
      );
    }
    if (method === undefined && typeof id === "string" && ("result" in message || "error" in message)) {
      const found = await mailboxes.post(id, ownerOf(entry), JSON.stringify(body));
      return found ? accepted() : fault(400, "Nobody waits for this answer any more");
    }
    const client = readSession(request.headers.get(sessionHeader));
    const key = client ? `${entry.session.principal.id}.${client.key}` : null;
    if (key && method === "notifications/cancelled" && params?.requestId !== undefined)
      cancellations.cancel(key, params.requestId);
    const served: Served = { session: entry.session, client: client?.introduction?.clientInfo ?? null };
    if (key && id !== undefined && method === "tools/call") {
      served.cancelled = cancellations.signal(key, id);
      served.done = () => cancellations.done(key, id);
    }
    const authInfo = authInfoOf(entry);
    if (client?.introduction && (await mayAsk(client, posted))) {
      const { introduction } = client;
      return converse({
        server: create(served),
        mailboxes,
        owner: ownerOf(entry),
        introduction,
        request,
        body,
        authInfo,
      });
    }
    const response = await handler.fetch(request, {
      parsedBody: body,
      authInfo: { ...authInfo, extra: { ...served } },
    });
    if (method !== "initialize" || !response.ok) return response;
    const headers = new Headers(response.headers);
    headers.set(sessionHeader, openSession(params));
    return new Response(response.body, { status: response.status, headers });
  };
}
