import { z } from "zod";
import { operation } from "../operation.ts";
import { atPath, inWorkspace, storable } from "./item.ts";

const read = { domain: "scripts", action: "read" } as const;

/** Code as plain text, and code that is not deployed yet. */
export const scriptsCodeOperations = [
  operation({
    id: "rawScriptByPath",
    method: "GET",
    path: "/w/{workspace}/scripts/raw/p/{path}",
    tag: "Script",
    summary: "The code of a script; the path may end in the language's file extension",
    access: "member",
    scope: read,
    params: atPath,
    answer: z.string(),
    media: "text",
  }),
  operation({
    id: "rawScriptByPathUnpinned",
    method: "GET",
    path: "/w/{workspace}/scripts/raw_unpinned/p/{path}",
    tag: "Script",
    summary: "The newest code of a script, for imports at run time",
    access: "member",
    scope: read,
    params: atPath,
    answer: z.string(),
    media: "text",
    extension: true,
  }),
  operation({
    id: "rawScriptByHash",
    narrows: true,
    method: "GET",
    path: "/w/{workspace}/scripts/raw/h/{path}",
    tag: "Script",
    summary: "The code of one version; the hash may end in the language's file extension",
    access: "member",
    scope: read,
    params: atPath,
    answer: z.string(),
    media: "text",
  }),
  operation({
    id: "rawScriptByPathTokened",
    method: "GET",
    path: "/scripts_u/tokened_raw/{workspace}/{token}/{path}",
    tag: "Script",
    summary: "The code of a script, the token being part of the address",
    access: "public",
    params: z.object({ workspace: storable, token: storable, path: storable }),
    answer: z.string(),
    media: "text",
  }),
  operation({
    id: "storeRawScriptTemp",
    method: "POST",
    path: "/w/{workspace}/scripts/raw_temp/store",
    tag: "Script",
    summary: "Keep code for a day, for previews and locks of what is not deployed; answers its hash",
    access: "developer",
    scope: { domain: "scripts", action: "write" },
    params: inWorkspace,
    body: storable,
    answer: z.string(),
    media: "text",
  }),
  operation({
    id: "diffRawScriptsWithDeployed",
    method: "POST",
    path: "/w/{workspace}/scripts/raw_temp/diff",
    tag: "Script",
    summary: "Which of the given scripts and dependency files differ from what is deployed",
    access: "member",
    scope: read,
    params: inWorkspace,
    body: z.object({
      scripts: z.record(storable, storable),
      workspace_deps: z
        .array(z.object({ path: storable, language: storable, name: storable.nullish(), hash: storable }))
        .nullish(),
    }),
    answer: z.array(z.string()),
  }),
] as const;
