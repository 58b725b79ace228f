import { z } from "zod";

/** What operations of admins that change the workspace itself have in common; they answer a sentence. */
export const workspaceChange = {
  tag: "Workspace",
  access: "admin",
  scope: { domain: "workspaces", action: "write" },
  deniesJobTokens: true,
  answer: z.string(),
  media: "text",
} as const;
