import { OAuthRefusal } from "./error.ts";

const ofWorkspace = /^\/api\/mcp\/w\/([A-Za-z0-9_-]{1,100})\/(mcp|sse)$/;

/** An address of the MCP server as a protected resource (RFC 9728): `null` = none of ours. */
export function resourceOf(pathname: string): { workspace: string | null } | null {
  if (pathname === "/api/mcp" || pathname === "/api/mcp/gateway") return { workspace: null };
  const workspace = ofWorkspace.exec(pathname)?.[1];
  return workspace === undefined ? null : { workspace };
}

export interface Resource {
  /** The address, as the client wrote it. */
  url: string;
  workspace: string | null;
}

/** The `resource` parameter (RFC 8707); without one the address of all workspaces. @throws OAuthRefusal `invalid_target` */
export function requireResource(asked: string | null, baseUrl: string): Resource {
  if (asked === null || asked === "") return { url: `${baseUrl}/api/mcp`, workspace: null };
  const url = URL.canParse(asked) ? new URL(asked) : null;
  const found = url && url.origin === new URL(baseUrl).origin ? resourceOf(url.pathname.replace(/\/$/, "")) : null;
  if (!url || !found) throw new OAuthRefusal("invalid_target", "resource: is not an address of this MCP server");
  return { url: `${url.origin}${url.pathname.replace(/\/$/, "")}`, workspace: found.workspace };
}
