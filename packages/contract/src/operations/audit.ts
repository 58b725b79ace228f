import { z } from "zod";
import { operation } from "../operation.ts";
import { flag, integer, paging, text, timestamp } from "../query.ts";

const auditLog = z.object({
  workspace_id: z.string(),
  id: z.number(),
  timestamp: z.string(),
  username: z.string(),
  operation: z.string(),
  action_kind: z.string(),
  resource: z.string().optional(),
  parameters: z.record(z.string(), z.unknown()).optional(),
});

export const auditOperations = [
  operation({
    id: "listAuditLogs",
    method: "GET",
    path: "/w/{workspace}/audit/list",
    tag: "Audit",
    summary: "Who did what, newest first; members who are no admins see what they did themselves",
    access: "member",
    scope: { domain: "audit", action: "read" },
    query: z.object({
      ...paging,
      before: timestamp,
      after: timestamp,
      before_id: integer,
      username: text,
      operation: text,
      operations: text,
      exclude_operations: text,
      resource: text,
      action_kind: text,
      all_workspaces: flag,
    }),
    answer: z.array(auditLog),
  }),
  operation({
    id: "getAuditLog",
    method: "GET",
    path: "/w/{workspace}/audit/get/{id}",
    tag: "Audit",
    summary: "One entry of the audit log",
    access: "member",
    scope: { domain: "audit", action: "read" },
    params: z.object({ workspace: z.string(), id: z.coerce.number().int().safe() }),
    answer: auditLog,
  }),
] as const;
