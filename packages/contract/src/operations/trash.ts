import { z } from "zod";
import { operation } from "../operation.ts";
import { inWorkspace, storable } from "./item.ts";

const item = z.object({
  id: z.number(),
  workspace_id: z.string(),
  item_kind: z.string(),
  item_path: z.string(),
  deleted_by: z.string(),
  deleted_at: z.string(),
  expires_at: z.string(),
});

const one = z.object({ workspace: storable, id: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER) });
const reading = {
  method: "GET",
  tag: "Trash",
  access: "developer",
  scope: { domain: "workspaces", action: "read" },
} as const;
const writing = {
  method: "POST",
  tag: "Trash",
  access: "developer",
  scope: { domain: "workspaces", action: "write" },
  answer: z.string(),
  media: "text",
} as const;

export const trashOperations = [
  operation({
    ...reading,
    id: "listTrash",
    path: "/w/{workspace}/trash/list",
    summary: "Deleted items that can still be restored, newest first; pages count from 0",
    params: inWorkspace,
    query: z.object({
      item_kind: storable.optional(),
      page: z.coerce.number().int().min(0).optional(),
      per_page: z.coerce.number().int().min(1).max(1000).optional(),
    }),
    answer: z.array(item),
    mcp: { instructions: "What was deleted in the last three days, with the id to restore it by.", readOnly: true },
  }),
  operation({
    ...reading,
    id: "getTrashItem",
    path: "/w/{workspace}/trash/get/{id}",
    summary: "A deleted item as it was",
    params: one,
    answer: item.extend({ item_data: z.record(z.string(), z.unknown()) }),
  }),
  operation({
    ...writing,
    id: "restoreTrashItem",
    path: "/w/{workspace}/trash/restore/{id}",
    summary: "Put a deleted item back where it was",
    params: one,
    mcp: { instructions: "Restores what listTrash shows, by its id." },
  }),
  operation({
    ...writing,
    id: "permanentlyDeleteTrashItem",
    method: "DELETE",
    path: "/w/{workspace}/trash/delete/{id}",
    summary: "Delete an item of the trash for good",
    params: one,
  }),
  operation({
    ...writing,
    id: "emptyTrash",
    path: "/w/{workspace}/trash/empty",
    summary: "Delete everything in the trash for good",
    access: "admin",
    params: inWorkspace,
  }),
] as const;
