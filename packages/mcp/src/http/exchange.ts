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
import { openSession, readSession, type ClientSession, type Introduction } from "./introduction.ts";
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

/** What a client can be asked in the course of a post, with what it said of itself; `null` = nothing. */
async function introductionFor(
  client: ClientSession | null,
  { request, body, message }: Posted,
): Promise<Introduction | null> {
  const { introduction } = client ?? { introduction: null };
  if (!introduction || message.id === undefined || !asking.has(message.method ?? "")) return null;
  const can = Object.keys(introduction.capabilities).length > 0 && (await isLegacyRequest(request, body));
  return can ? introduction : null;
}

function ownerOf({ session }: Entry): Owner {
  return { principal: session.principal.id, workspace: session.workspace ?? "" };
}

/** The SDK compares the header with the body for the methods it knows; tasks are not among them. */
function mismatch({ request, message: { id, method, params } }: Posted): Response | null {
  const named = request.headers.get("mcp-name");
  if (!method?.startsWith("tasks/") || named === null || named.trim() === params?.taskId) return null;
  return Response.json(
    { jsonrpc: "2.0", id: id ?? null, error: { code: -32020, message: "Mcp-Name does not match params.taskId" } },
    { status: 400 },
  );
}

/** Where the answer to a question of ours goes; `null` = the message is none. */
function questionOf({ id, method, ...rest }: Message): string | null {
  return method === undefined && typeof id === "string" && ("result" in rest || "error" in rest) ? id : null;
}

export interface ExchangeParts {
  handler: McpHttpHandler;
  create(served: Served): Server;
  cancellations: Cancellations;
  mailboxes: Mailboxes;
}

/** Who is served, and by which session a cancellation of its own finds the call. */
function servedTo(
  cancellations: Cancellations,
  { session }: Entry,
  { client, message: { id, method, params } }: { client: ClientSession | null; message: Message },
): Served {
  const served: Served = { session, client: client?.introduction?.clientInfo ?? null };
  if (!client) return served;
  const key = `${session.principal.id}.${client.key}`;
  if (method === "notifications/cancelled" && params?.requestId !== undefined)
    cancellations.cancel(key, params.requestId);
  if (id === undefined || method !== "tools/call") return served;
  return { ...served, cancelled: cancellations.signal(key, id), done: () => cancellations.done(key, id) };
}

function withSession(response: Response, params: unknown): Response {
  const headers = new Headers(response.headers);
  headers.set(sessionHeader, openSession(params));
  return new Response(response.body, { status: response.status, headers });
}

/**
 * Serves one post. Clients of the 2025 revisions get a session id, which tells who they are and by which their
 * cancellations find a request; their answers to questions find the question by its id.
 */
export function createExchange({ handler, create, cancellations, mailboxes }: ExchangeParts) {
  return async (entry: Entry, posted: Posted): Promise<Response> => {
    const { request, body, message } = posted;
    const refused = mismatch(posted);
    if (refused) return refused;
    const question = questionOf(message);
    if (question !== null) {
      const found = await mailboxes.post(question, ownerOf(entry), JSON.stringify(body));
      return found ? accepted() : fault(400, "Nobody waits for this answer any more");
    }
    const client = readSession(request.headers.get(sessionHeader));
    const served = servedTo(cancellations, entry, { client, message });
    const authInfo = authInfoOf(entry);
    const introduction = await introductionFor(client, posted);
    if (introduction) {
      const owner = ownerOf(entry);
      return converse({ server: create(served), mailboxes, owner, introduction, request, body, authInfo });
    }
    const options = { parsedBody: body, authInfo: { ...authInfo, extra: { ...served } } };
    const response = await handler.fetch(request, options);
    return message.method === "initialize" && response.ok ? withSession(response, message.params) : response;
  };
}
