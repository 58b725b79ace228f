import { ApiError, type Media, type OperationSpec } from "@towermill/contract";

const contentTypes: Record<Media, string> = {
  json: "application/json",
  text: "text/plain; charset=utf-8",
  "event-stream": "text/event-stream",
  binary: "application/octet-stream",
};

/** Answers what a handler returned in the operation's declared form. Absent fields stay absent. */
export function answer(op: OperationSpec, value: unknown): Response {
  if (value instanceof Response) return value;
  const media = op.media ?? "json";
  const text = media === "json" ? (JSON.stringify(value) ?? "null") : String(value ?? "");
  return new Response(op.status === 204 ? null : text, {
    status: op.status ?? 200,
    headers: { "content-type": contentTypes[media] },
  });
}

/** A JSON text that goes out as it is: results and arguments are never re-serialised. */
export function jsonText(text: string, status = 200): Response {
  return new Response(text, { status, headers: { "content-type": contentTypes.json } });
}

export function plainText(text: string, status = 200): Response {
  return new Response(text, { status, headers: { "content-type": contentTypes.text } });
}

/** An error as Windmill's clients read it (text), or as problem+json when they ask for it. Never HTML. */
export function errorAnswer(error: ApiError, request: { accept: string | null; id: string }): Response {
  const headers: Record<string, string> = { "x-request-id": request.id };
  if (error.status === 401) headers["www-authenticate"] = "Bearer";
  if (error.status === 503 || error.status === 429) headers["retry-after"] = "2";
  if (request.accept?.includes("application/problem+json")) {
    const problem = {
      type: `about:blank#${error.code}`,
      title: error.code,
      status: error.status,
      detail: error.message,
      hint: error.hint,
    };
    return new Response(JSON.stringify(problem), {
      status: error.status,
      headers: { ...headers, "content-type": "application/problem+json" },
    });
  }
  return new Response(error.message, {
    status: error.status,
    headers: { ...headers, "content-type": contentTypes.text },
  });
}
