import { z } from "zod";
import { operation } from "../operation.ts";
import { atPath, storable } from "./item.ts";

const version = z.object({
  id: z.number(),
  version: z.number(),
  created_at: z.string(),
  created_by: z.string().optional(),
});
const one = z.object({ workspace: storable, id: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER) });
const reading = {
  method: "GET",
  tag: "Resource",
  access: "member",
  scope: { domain: "resources", action: "read" },
} as const;
const writing = {
  tag: "Resource",
  access: "developer",
  scope: { domain: "resources", action: "write" },
  answer: z.string(),
  media: "text",
} as const;

export const resourceHistoryOperations = [
  operation({
    ...reading,
    id: "getResourceHistory",
    path: "/w/{workspace}/resources/history/p/{path}",
    summary: "Earlier values of a resource, newest first; states have none",
    params: atPath,
    answer: z.object({ versions: z.array(version), versioned: z.boolean() }),
  }),
  operation({
    ...writing,
    id: "clearResourceHistory",
    method: "DELETE",
    path: "/w/{workspace}/resources/history/p/{path}",
    summary: "Forget the earlier values of a resource",
    params: atPath,
  }),
  operation({
    ...reading,
    id: "getResourceVersion",
    narrows: true,
    path: "/w/{workspace}/resources/history/v/{id}",
    summary: "An earlier value of a resource, and which items it refers to are gone",
    params: one,
    answer: version.extend({ value: z.unknown().optional(), missing_references: z.array(z.string()) }),
  }),
  operation({
    ...writing,
    id: "restoreResourceVersion",
    method: "POST",
    path: "/w/{workspace}/resources/history/restore/v/{id}",
    summary: "Give a resource an earlier value back",
    params: one,
  }),
] as const;
