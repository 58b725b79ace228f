/** What an address under `/api/mcp` is. */
export type Address =
  | { kind: "endpoint"; workspace: string | null; /** A GET opens a stream of the older transport. */ sse: boolean }
  | { kind: "message"; workspace: string }
  | Inquiry;

/** A question about the catalogue, answered as plain JSON. */
export interface Inquiry {
  kind: "list_tools" | "explain";
  workspace: string;
}

const inWorkspace = /^\/api\/mcp\/w\/([A-Za-z0-9_-]{1,100})\/(sse|mcp|message|list_tools|explain)$/;

/** `null` = not an address of the MCP server. */
export function readAddress(pathname: string): Address | null {
  if (pathname === "/api/mcp" || pathname === "/api/mcp/" || pathname === "/api/mcp/gateway")
    return { kind: "endpoint", workspace: null, sse: false };
  const [, workspace, part] = inWorkspace.exec(pathname) ?? [];
  if (workspace === undefined) return null;
  if (part === "sse" || part === "mcp") return { kind: "endpoint", workspace, sse: part === "sse" };
  if (part === "message") return { kind: part, workspace };
  return { kind: part === "explain" ? part : "list_tools", workspace };
}
