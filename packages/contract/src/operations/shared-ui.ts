import { z } from "zod";
import { operation } from "../operation.ts";
import { anyJson } from "./identity-fields.ts";

/** The CLI writes these files to disk under their names, so a name never leaves its folder. */
const fileName = z
  .string()
  .max(255)
  .refine(
    (name) =>
      !/[\\\p{Cc}\p{Cs}]/u.test(name) && name.split("/").every((part) => part !== "" && part !== "." && part !== ".."),
    "is not a relative file name",
  );
const version = { version: z.number(), edited_at: z.string(), edited_by: z.string() };

const reading = {
  method: "GET",
  tag: "Workspace",
  access: "member",
  scope: { domain: "workspaces", action: "read" },
} as const;

export const sharedUiOperations = [
  operation({
    ...reading,
    id: "getSharedUi",
    path: "/w/{workspace}/shared_ui/get",
    summary: "Code that the workspace's apps share",
    answer: z.object({ files: z.record(z.string(), z.string()), ...version }),
  }),
  operation({
    ...reading,
    id: "listSharedUi",
    path: "/w/{workspace}/shared_ui/list",
    summary: "Names and sizes of the code that apps share",
    answer: z.object({ paths: z.array(z.string()), sizes: z.record(z.string(), z.number()), ...version }),
  }),
  operation({
    ...reading,
    id: "getSharedUiVersion",
    path: "/w/{workspace}/shared_ui/version",
    summary: "How often the code that apps share was changed",
    answer: z.object({ version: z.number() }),
  }),
  operation({
    id: "updateSharedUi",
    method: "PUT",
    path: "/w/{workspace}/shared_ui",
    tag: "Workspace",
    summary: "Replace the code that apps share",
    access: "admin",
    scope: { domain: "workspaces", action: "write" },
    body: z.object({ files: z.record(fileName, anyJson.pipe(z.string())) }),
    answer: z.string(),
    media: "text",
  }),
] as const;
