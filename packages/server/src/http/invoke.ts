import { ApiError, type OperationSpec } from "@towermill/contract";
import type { Authentication } from "../identity/authentication.ts";
import type { Caller } from "../identity/caller.ts";
import type { Services } from "../services.ts";
import { requireAccess } from "./access.ts";
import { clientAddress } from "./address.ts";
import { answer } from "./answer.ts";
import type { Route } from "./app.ts";
import { parseJson, parsePart, queryObject, readBody } from "./body.ts";
import type { Call } from "./call.ts";
import type { Socket } from "./socket.ts";

/** One request whose caller is known. */
export interface Invocation {
  request: Request;
  /** Parameters of the path, not parsed yet. */
  params: Readonly<Record<string, string>>;
  search: URLSearchParams;
  /** Decides whether the call may be made. */
  caller: Caller;
  /** The socket's side of the request, where there is one. */
  socket?: Socket | undefined;
  /** What the handler sees, when that is narrower: scopes with paths narrow lists and single items there. */
  narrowed?: Caller;
}

/** Aborted when the client goes away before it has its answer. */
function clientSignal({ outgoing }: Socket): AbortSignal {
  const gone = new AbortController();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) gone.abort();
  });
  return gone.signal;
}

type Given = Omit<Call, "signal" | "address">;

/** A call as handlers see it. What costs something and most do not ask for is found when it is asked for. */
class IncomingCall implements Call {
  readonly operation: Given["operation"];
  readonly params: Given["params"];
  readonly query: Given["query"];
  readonly body: Given["body"];
  readonly bodyText: string;
  readonly caller: Caller;
  readonly member: Given["member"];
  readonly request: Request;
  readonly search: URLSearchParams;
  readonly #socket: Socket | undefined;
  readonly #trustedProxies: number;

  constructor(given: Given, socket: Socket | undefined, trustedProxies: number) {
    this.operation = given.operation;
    this.params = given.params;
    this.query = given.query;
    this.body = given.body;
    this.bodyText = given.bodyText;
    this.caller = given.caller;
    this.member = given.member;
    this.request = given.request;
    this.search = given.search;
    this.#socket = socket;
    this.#trustedProxies = trustedProxies;
  }

  get signal(): AbortSignal {
    return this.#socket ? clientSignal(this.#socket) : this.request.signal;
  }

  get address(): string | null {
    return clientAddress(this.request, this.#socket?.incoming, this.#trustedProxies);
  }
}

async function parseBody(
  op: OperationSpec,
  request: Request,
  limit: number,
): Promise<{ body: unknown; bodyText: string }> {
  if (op.body === undefined || op.body === "raw") return { body: undefined, bodyText: "" };
  const bodyText = (await readBody(request, limit)).toString("utf8");
  const value = bodyText.trim() === "" ? undefined : parseJson(bodyText);
  return { body: parsePart(op.body, value, "body"), bodyText };
}

/** PostgreSQL has no text with NUL in it, so nothing can be meant by one. @throws ApiError `bad_request` */
function refuseNul(params: Readonly<Record<string, string>>, search: URLSearchParams): void {
  for (const [name, value] of [...Object.entries(params), ...search]) {
    if (value.includes("\0")) throw new ApiError("bad_request", `${name}: holds a NUL character`);
  }
}

/** Parse → permission → handler → answer: the one way into every operation, from a socket or from within. @throws ApiError */
export async function invoke(
  { services, auth, route }: { services: Services; auth: Authentication; route: Route },
  { request, params: rawParams, search, caller, narrowed = caller, socket }: Invocation,
): Promise<Response> {
  const { operation: op, handle } = route;
  refuseNul(rawParams, search);
  const params = op.params ? parsePart(op.params, rawParams, "path") : rawParams;
  const member = await requireAccess(auth, { op, caller, params });
  const query = op.query ? parsePart(op.query, queryObject(search), "query") : {};
  const { body, bodyText } = await parseBody(op, request, services.bodyLimit);
  const given = { operation: op, params, query, body, bodyText, caller: narrowed, member, request, search };
  // the operation says what its parts hold: parsing has made them that
  const call = new IncomingCall(given as Given, socket, services.trustedProxies ?? 0);
  return answer(op, await handle(call));
}
