import { readAddress } from "./address.ts";

export interface Refusal {
  status: 401 | 403;
  /** Code of RFC 6750; absent when no token came at all. */
  error?: "invalid_token" | "insufficient_scope";
  message: string;
  scope?: string;
}

/** Address of the metadata (RFC 9728) of the resource a request was for. */
export function metadataUrl(baseUrl: string, pathname: string): string {
  const address = readAddress(pathname);
  const resource = address?.kind === "message" ? pathname.replace(/message$/, "sse") : pathname.replace(/\/$/, "");
  return `${baseUrl}/.well-known/oauth-protected-resource${resource}`;
}

/** A refusal at HTTP level, before anything of the protocol: clients start their sign-in on it. */
export function refuse(
  { status, error, message, scope }: Refusal,
  where: { baseUrl: string; pathname: string },
): Response {
  const parts = [
    ...(error ? [`error="${error}"`, `error_description="${message.replaceAll(/["\\]/g, "'")}"`] : []),
    ...(scope ? [`scope="${scope}"`] : []),
    `resource_metadata="${metadataUrl(where.baseUrl, where.pathname)}"`,
  ];
  return Response.json(
    { error: error ?? "unauthorized", error_description: message },
    { status, headers: { "www-authenticate": `Bearer ${parts.join(", ")}` } },
  );
}

/** A fault that has nothing to do with tokens, as a JSON-RPC error without an id. */
export function fault(status: number, message: string, headers: Record<string, string> = {}): Response {
  return Response.json({ jsonrpc: "2.0", error: { code: -32000, message }, id: null }, { status, headers });
}
