import { ApiError, jsonMembers } from "@towermill/contract";
import type { Outcome } from "@towermill/queue";
import { jsonText } from "../http/answer.ts";

interface Custom {
  status: number | undefined;
  contentType: string | undefined;
  headers: Record<string, string>;
  /** JSON text; absent = answer without a body. */
  result: string | undefined;
}

function field(value: Record<string, unknown>, name: string): unknown {
  return value[`windmill_${name}`] ?? value[`wm_${name}`];
}

/** A result that says how to answer; `null` when it is an ordinary one. @throws ApiError `unprocessable` */
function customAnswer(text: string): Custom | null {
  if (!/"(windmill|wm)_(status_code|content_type|headers)"/.test(text)) return null;
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const object = value as Record<string, unknown>;
  const [status, contentType, headers] = ["status_code", "content_type", "headers"].map((name) => field(object, name));
  if (status === undefined && contentType === undefined && headers === undefined) return null;
  if (
    status !== undefined &&
    !(typeof status === "number" && Number.isInteger(status) && status >= 200 && status <= 599)
  ) {
    throw new ApiError(
      "unprocessable",
      `The script's windmill_status_code is not a status from 200 to 599: ${JSON.stringify(status)}`,
    );
  }
  const pairs = typeof headers === "object" && headers !== null ? Object.entries(headers) : [];
  return {
    status,
    contentType: typeof contentType === "string" ? contentType : undefined,
    headers: Object.fromEntries(
      pairs.map(([name, header]) => [name, typeof header === "string" ? header : JSON.stringify(header)]),
    ),
    result: jsonMembers(text).get("result"),
  };
}

/** Set by the server itself, or able to take over the browser's session. */
function isReserved(name: string, value: string): boolean {
  const lower = name.toLowerCase();
  return (
    ["content-length", "transfer-encoding", "connection"].includes(lower) ||
    (lower === "set-cookie" && /^\s*token=/i.test(value))
  );
}

function customHeaders({ headers, contentType }: Custom): Headers {
  const made = new Headers();
  try {
    for (const [name, value] of Object.entries(headers)) if (!isReserved(name, value)) made.append(name, value);
    if (contentType !== undefined) made.set("content-type", contentType);
  } catch {
    throw new ApiError(
      "unprocessable",
      "The script's windmill_headers or windmill_content_type cannot be sent as HTTP headers",
    );
  }
  // A page made by a script must not act as the person who opened it: it gets an origin of its own.
  if (contentType !== undefined) made.set("content-security-policy", "sandbox allow-forms allow-popups allow-scripts");
  return made;
}

/**
 * How the end of a job is answered: its result as it is with 200, a failure's error with 422, or as the result itself
 * asks (`windmill_status_code`, `windmill_content_type`, `windmill_headers`, `result`).
 */
export function resultAnswer({ status, result }: Outcome): Response {
  const failed = status === "failure" || status === "canceled";
  const custom = customAnswer(result);
  if (!custom) return jsonText(result, failed ? 422 : 200);
  const headers = customHeaders(custom);
  const code = custom.status ?? (failed ? 422 : custom.result !== undefined ? 200 : 204);
  if (code === 204 || code === 205 || code === 304 || custom.result === undefined)
    return new Response(null, { status: code, headers });
  const isText = custom.contentType !== undefined && custom.result.startsWith('"');
  if (!headers.has("content-type")) headers.set("content-type", "application/json");
  return new Response(isText ? (JSON.parse(custom.result) as string) : custom.result, { status: code, headers });
}
