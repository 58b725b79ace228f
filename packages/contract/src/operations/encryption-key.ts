import { z } from "zod";
import { operation } from "../operation.ts";
import { inWorkspace, storable } from "./item.ts";

export const encryptionKeyOperations = [
  operation({
    id: "getWorkspaceEncryptionKey",
    method: "GET",
    path: "/w/{workspace}/workspaces/encryption_key",
    tag: "Workspace",
    summary: "The key that the workspace's secrets are encrypted with",
    access: "admin",
    scope: { domain: "workspaces", action: "write" },
    deniesJobTokens: true,
    params: inWorkspace,
    answer: z.object({ key: z.string() }),
  }),
  operation({
    id: "setWorkspaceEncryptionKey",
    method: "POST",
    path: "/w/{workspace}/workspaces/encryption_key",
    tag: "Workspace",
    summary: "Set the key of the workspace and encrypt its secrets anew, unless skip_reencrypt is set",
    access: "admin",
    scope: { domain: "workspaces", action: "write" },
    deniesJobTokens: true,
    params: inWorkspace,
    body: z.object({ new_key: storable.min(16).max(1000), skip_reencrypt: z.boolean().nullish() }),
    answer: z.string(),
    media: "text",
  }),
] as const;
