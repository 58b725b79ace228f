import { z } from "zod";
import { operation } from "../operation.ts";
import { email, line, username } from "./identity-fields.ts";

const invite = z.object({
  workspace_id: z.string(),
  email: z.string(),
  is_admin: z.boolean(),
  operator: z.boolean(),
});

const administration = {
  method: "POST",
  tag: "Workspace",
  access: "admin",
  scope: { domain: "users", action: "write" },
  deniesJobTokens: true,
  answer: z.string(),
  media: "text",
} as const;

const own = {
  tag: "User",
  access: "user",
  scope: { domain: "users", action: "write" },
  deniesJobTokens: true,
} as const;

export const inviteOperations = [
  operation({
    ...administration,
    id: "inviteUser",
    path: "/w/{workspace}/workspaces/invite_user",
    summary: "Invite somebody to the workspace",
    body: z.object({ email, is_admin: z.boolean(), operator: z.boolean() }),
  }),
  operation({
    ...administration,
    id: "deleteInvite",
    path: "/w/{workspace}/workspaces/delete_invite",
    summary: "Take an invitation back",
    body: z.object({ email, is_admin: z.boolean().optional(), operator: z.boolean().optional() }),
  }),
  operation({
    id: "listPendingInvites",
    method: "GET",
    path: "/w/{workspace}/workspaces/list_pending_invites",
    tag: "Workspace",
    summary: "Invitations to the workspace that nobody answered yet",
    access: "admin",
    scope: { domain: "users", action: "read" },
    answer: z.array(invite),
  }),
  operation({
    ...own,
    id: "listWorkspaceInvites",
    method: "GET",
    path: "/users/list_invites",
    summary: "The caller's own invitations",
    scope: { domain: "users", action: "read" },
    answer: z.array(invite),
  }),
  operation({
    ...own,
    id: "acceptInvite",
    method: "POST",
    path: "/users/accept_invite",
    summary: "Become a member of a workspace one was invited to",
    body: z.object({ workspace_id: line(50), username: username.nullish() }),
    answer: z.string(),
    media: "text",
  }),
  operation({
    ...own,
    id: "declineInvite",
    method: "POST",
    path: "/users/decline_invite",
    summary: "Decline an invitation",
    body: z.object({ workspace_id: line(50) }),
    answer: z.string(),
    media: "text",
  }),
] as const;
