import {
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResponse,
  parseJSONRPCMessage,
  WebStandardStreamableHTTPServerTransport,
  type JSONRPCMessage,
  type Server,
} from "@modelcontextprotocol/server";
import { randomToken } from "@towermill/queue";
import { parse } from "./body.ts";
import type { Introduction } from "./introduction.ts";
import type { Mailboxes, Owner } from "./mailbox.ts";

const introducing = "introduction";

type SendOptions = Parameters<WebStandardStreamableHTTPServerTransport["send"]>[1];

/**
 * One post of a client of the 2025 revisions whose answer may hold questions to it (elicitation, sampling, roots). A
 * question goes out on the stream of the post it is about, under an id that is a mailbox: its answer, a post of its own,
 * finds the way back from whichever process it reaches.
 */
class ConversationTransport extends WebStandardStreamableHTTPServerTransport {
  readonly #asked = new Map<string | number, string>();
  readonly #mailboxes: Mailboxes;
  readonly #owner: Owner;
  #introduced: (() => void) | null = null;

  constructor(mailboxes: Mailboxes, owner: Owner) {
    super({ sessionIdGenerator: undefined });
    this.#mailboxes = mailboxes;
    this.#owner = owner;
  }

  /** Tells the server what the client said of itself in an earlier request. */
  introduce(params: Introduction): Promise<void> {
    return new Promise((resolve) => {
      this.#introduced = resolve;
      this.onmessage?.({ jsonrpc: "2.0", id: introducing, method: "initialize", params: { ...params } });
    });
  }

  override async send(message: JSONRPCMessage, options?: SendOptions): Promise<void> {
    if (this.#introduced && isJSONRPCResponse(message) && message.id === introducing) {
      this.#introduced();
      this.#introduced = null; // from now on this may be an id of the client's
      return;
    }
    if (isJSONRPCRequest(message)) return super.send({ ...message, id: await this.#ask(message.id) }, options);
    return super.send(isJSONRPCNotification(message) ? this.#renamed(message) : message, options);
  }

  override async close(): Promise<void> {
    const open = [...this.#asked.values()];
    this.#asked.clear();
    await Promise.all(open.map((box) => this.#mailboxes.close(box).catch(() => undefined)));
    await super.close();
  }

  async #ask(id: string | number): Promise<string> {
    const box = randomToken();
    this.#asked.set(id, box);
    await this.#mailboxes.open(box, this.#owner, (text) => {
      this.#asked.delete(id);
      this.#mailboxes.close(box).catch(() => undefined);
      this.onmessage?.(parseJSONRPCMessage({ ...(parse(text) as object), id }));
    });
    return box;
  }

  /** A question that is taken back is known to the client by its mailbox. */
  #renamed<Told extends JSONRPCMessage & { method: string; params?: { [key: string]: unknown } | undefined }>(
    message: Told,
  ): JSONRPCMessage {
    const box = this.#asked.get(message.params?.["requestId"] as string);
    if (message.method !== "notifications/cancelled" || box === undefined) return message;
    return { ...message, params: { ...message.params, requestId: box } } as JSONRPCMessage;
  }
}

/** An answer as it is, which tells when its stream has been read to the end or dropped. */
function ending(response: Response, end: () => void): Response {
  const { body, status, headers } = response;
  if (body === null || !(headers.get("content-type") ?? "").startsWith("text/event-stream")) {
    end();
    return response;
  }
  const reader = body.getReader();
  const watched = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (!done) return controller.enqueue(value);
      end();
      controller.close();
    },
    cancel(reason) {
      end();
      return reader.cancel(reason);
    },
  });
  return new Response(watched, { status, headers });
}

export interface Conversation {
  server: Server;
  mailboxes: Mailboxes;
  owner: Owner;
  introduction: Introduction;
  /** Without its body, which has been read. */
  request: Request;
  body: unknown;
  authInfo: NonNullable<Parameters<WebStandardStreamableHTTPServerTransport["handleRequest"]>[1]>["authInfo"];
}

/** Serves one post by a server that knows its client as if the session had been its own from the start. */
export async function converse({
  server,
  mailboxes,
  owner,
  introduction,
  request,
  body,
  authInfo,
}: Conversation): Promise<Response> {
  const transport = new ConversationTransport(mailboxes, owner);
  const end = (): void => void server.close().catch(() => undefined);
  await server.connect(transport);
  request.signal.addEventListener("abort", end, { once: true });
  await transport.introduce(introduction);
  return ending(await transport.handleRequest(request, { parsedBody: body, ...(authInfo ? { authInfo } : {}) }), end);
}
