import type { McpHttpHandler, McpRequestContext, Server } from "@modelcontextprotocol/server";
import { randomToken } from "@towermill/queue";
import type { Served } from "../protocol/server.ts";
import type { Cancellations } from "./cancellation.ts";
import type { Entry } from "./entry.ts";
import { authInfoOf } from "./sse.ts";

/** A JSON-RPC message as far as routing looks into it. */
export interface Message {
  id?: string | number;
  method?: string;
  params?: { requestId?: string | number; taskId?: string };
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

/** Serves one post; clients of the 2025 revisions get a session id, by which alone their cancellations find a request. */
export function createExchange(handler: McpHttpHandler, cancellations: Cancellations) {
  return async (entry: Entry, { request, body, message }: Posted): Promise<Response> => {
    const { id, method, params } = message;
    const named = request.headers.get("mcp-name");
    if (method?.startsWith("tasks/") && named !== null && named.trim() !== params?.taskId) {
      return Response.json(
        { jsonrpc: "2.0", id: id ?? null, error: { code: -32020, message: "Mcp-Name does not match params.taskId" } },
        { status: 400 },
      );
    }
    const given = request.headers.get(sessionHeader);
    const session = given !== null && /^[A-Za-z0-9]{32}$/.test(given) ? `${entry.session.principal.id}.${given}` : null;
    if (session && method === "notifications/cancelled" && params?.requestId !== undefined)
      cancellations.cancel(session, params.requestId);
    const authInfo = authInfoOf(entry);
    const served: Served = { session: entry.session };
    if (session && id !== undefined && method === "tools/call") {
      served.cancelled = cancellations.signal(session, id);
      served.done = () => cancellations.done(session, id);
    }
    const response = await handler.fetch(request, {
      parsedBody: body,
      authInfo: { ...authInfo, extra: { ...served } },
    });
    if (method !== "initialize" || !response.ok) return response;
    const headers = new Headers(response.headers);
    headers.set(sessionHeader, randomToken());
    return new Response(response.body, { status: response.status, headers });
  };
}
