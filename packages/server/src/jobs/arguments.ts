import { ApiError, jsonMembers, jsonObject } from "@towermill/contract";
import { parseJson, readBody } from "../http/body.ts";
import { headerOf } from "../http/socket.ts";

/** What a caller sent to a script. */
export interface Sent {
  /** The script's arguments: JSON text of an object. */
  args: string;
  /** Makes the argument of a preprocessor: JSON text. */
  event(): string;
}

export interface SentOptions {
  request: Request;
  search: URLSearchParams;
  bodyLimit: number;
  query: {
    include_header?: string | undefined;
    include_query?: string | undefined;
    raw?: boolean | undefined;
    wrap_body?: boolean | undefined;
    payload?: string | undefined;
  };
  /** Names of the query parameters that are the platform's, not the script's. */
  reserved(): readonly string[];
}

interface Body {
  members: Map<string, string>;
  /** The whole body as JSON text. */
  json: string;
  text: string;
}

/** Reads the arguments of a run from its body, or for a GET from `payload` or the query. @throws ApiError */
export async function readArguments(options: SentOptions): Promise<Sent> {
  const body = options.request.method === "GET" ? bodyOfQuery(options) : await bodyOfRequest(options);
  const members = body.members;
  if (options.query.wrap_body) {
    members.clear();
    members.set("body", body.json);
  }
  if (options.query.raw) members.set("raw_string", JSON.stringify(body.text));
  for (const [name, value] of included(options)) members.set(name, JSON.stringify(value));
  return { args: jsonObject(members), event: () => eventOf(options, body) };
}

function included({ request, search, query: { include_header, include_query } }: SentOptions): [string, string][] {
  const queried = namesIn(include_query).filter((name) => search.has(name));
  return [
    ...headersNamed(request, include_header),
    ...queried.map((name): [string, string] => [name, search.get(name) ?? ""]),
  ];
}

/** Arguments with those that `include_header` takes from the request's headers. @param args JSON text of an object */
export function withHeaders(args: string, request: Request, list: string | undefined): string {
  if (!list) return args;
  const members = jsonMembers(args);
  for (const [name, value] of headersNamed(request, list)) members.set(name, JSON.stringify(value));
  return jsonObject(members);
}

function namesIn(list: string | undefined): string[] {
  return (list ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** `X-Request-Id` becomes `x_request_id`. */
function headersNamed(request: Request, list: string | undefined): [string, string][] {
  const headers = namesIn(list).filter((name) => /^[A-Za-z0-9_-]+$/.test(name));
  return headers.map((name) => [name.toLowerCase().replaceAll("-", "_"), headerOf(request, name.toLowerCase()) ?? ""]);
}

function eventOf({ request, search }: SentOptions, body: Body): string {
  const secret = new Set(["authorization", "cookie"]);
  const headers = Object.fromEntries([...request.headers].filter(([name]) => !secret.has(name)));
  const query = Object.fromEntries([...search].filter(([name]) => name !== "token"));
  return jsonObject([
    ["kind", '"webhook"'],
    ["body", body.json],
    ["raw_string", JSON.stringify(body.text)],
    ["query", JSON.stringify(query)],
    ["headers", JSON.stringify(headers)],
  ]);
}

function bodyOfJson(text: string): Body {
  if (text.trim() === "") return { members: new Map(), json: "{}", text };
  const value = parseJson(text);
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return { members: isObject ? jsonMembers(text) : new Map([["body", text]]), json: text, text };
}

function bodyOfPairs(pairs: Iterable<[string, string]>, text: string): Body {
  const members = new Map(Array.from(pairs, ([name, value]) => [name, JSON.stringify(value)]));
  return { members, json: jsonObject(members), text };
}

function bodyOfQuery({ search, query: { payload }, reserved }: SentOptions): Body {
  if (payload !== undefined) {
    if (!/^[A-Za-z0-9+/_ -]*={0,2}$/.test(payload)) throw new ApiError("bad_request", "query.payload: is not base64");
    // a `+` that was not escaped arrives as a space
    return bodyOfJson(Buffer.from(payload.replaceAll(" ", "+"), "base64").toString("utf8"));
  }
  const ours = new Set([...reserved(), "token"]);
  return bodyOfPairs(
    [...search].filter(([name]) => !ours.has(name)),
    search.toString(),
  );
}

async function bodyOfRequest({ request, bodyLimit }: SentOptions): Promise<Body> {
  const type = (headerOf(request, "content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (type === "multipart/form-data") {
    throw new ApiError(
      "bad_request",
      "multipart/form-data is not accepted here: send JSON, or upload files to the workspace's storage first",
    );
  }
  const text = (await readBody(request, bodyLimit)).toString("utf8");
  if (type === "" || type === "application/json" || type.endsWith("+json")) return bodyOfJson(text);
  if (type === "application/x-www-form-urlencoded") return bodyOfPairs(new URLSearchParams(text), text);
  if (type.startsWith("text/") || type === "application/xml" || type.endsWith("+xml")) {
    return { members: new Map([["raw_string", JSON.stringify(text)]]), json: JSON.stringify(text), text };
  }
  if (text === "") return bodyOfJson(text);
  throw new ApiError("bad_request", `The content type ${type} is not accepted: send JSON, a form, text or XML`);
}
