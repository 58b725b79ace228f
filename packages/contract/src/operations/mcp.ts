import { z } from "zod";
import { operation } from "../operation.ts";

const inWorkspace = z.object({ workspace: z.string() });

/** What the MCP server and its authorization server answer as plain JSON; the protocol itself is not described here. */
export const mcpOperations = [
  operation({
    id: "listMcpTools",
    method: "GET",
    path: "/mcp/w/{workspace}/list_tools",
    tag: "MCP",
    summary: "The operations that are offered as MCP tools",
    access: "user",
    scope: { domain: "mcp", action: "read" },
    params: inWorkspace,
    answer: z.array(
      z.looseObject({
        name: z.string(),
        title: z.string().optional(),
        description: z.string(),
        inputSchema: z.unknown(),
        annotations: z.unknown(),
        toolset: z.string(),
        method: z.string(),
        path: z.string(),
      }),
    ),
  }),
  operation({
    id: "explainMcpTool",
    method: "GET",
    path: "/mcp/w/{workspace}/explain",
    tag: "MCP",
    summary: "Why a tool, by its name or the path of its script or flow, is listed to this token or not",
    access: "user",
    scope: { domain: "mcp", action: "read" },
    params: inWorkspace,
    query: z.object({ tool: z.string() }),
    answer: z.object({
      tool: z.string(),
      listed: z.boolean(),
      because: z.string(),
      reason: z.string(),
      path: z.string().optional(),
    }),
    extension: true,
  }),
  operation({
    id: "listMcpClients",
    method: "GET",
    path: "/mcp/oauth/clients",
    tag: "MCP",
    summary: "The MCP clients that signed in to the caller's account",
    access: "user",
    scope: { domain: "oauth", action: "read" },
    deniesJobTokens: true,
    answer: z.array(
      z.object({
        id: z.string(),
        client_name: z.string(),
        client_id: z.string(),
        resource: z.string(),
        workspace_id: z.string().optional(),
        scopes: z.array(z.string()),
        created_at: z.string(),
        last_used_at: z.string(),
      }),
    ),
    extension: true,
  }),
  operation({
    id: "revokeMcpClient",
    method: "DELETE",
    path: "/mcp/oauth/clients/{id}",
    tag: "MCP",
    summary: "Take back what an MCP client was allowed; all its tokens end",
    access: "user",
    scope: { domain: "oauth", action: "write" },
    deniesJobTokens: true,
    params: z.object({ id: z.string() }),
    answer: z.object({ revoked: z.string() }),
    extension: true,
  }),
] as const;
