import { z } from "zod";
import { operation } from "../operation.ts";
import { email, username } from "./identity-fields.ts";

const member = z.object({
  email: z.string(),
  username: z.string(),
  is_admin: z.boolean(),
  name: z.string().optional(),
  is_super_admin: z.boolean(),
  created_at: z.string(),
  operator: z.boolean(),
  disabled: z.boolean(),
  groups: z.array(z.string()).optional(),
  folders: z.array(z.string()),
  folders_read: z.array(z.string()),
  folders_owners: z.array(z.string()),
  added_via: z.unknown(),
  is_service_account: z.boolean().optional(),
  non_member: z.boolean().optional(),
});

const reading = { method: "GET", tag: "User", access: "member", scope: { domain: "users", action: "read" } } as const;
const administration = {
  tag: "User",
  access: "admin",
  scope: { domain: "users", action: "write" },
  deniesJobTokens: true,
  answer: z.string(),
  media: "text",
} as const;

export const memberOperations = [
  // No scope: see `globalWhoami`.
  operation({
    id: "whoami",
    method: "GET",
    path: "/w/{workspace}/users/whoami",
    tag: "User",
    summary: "The caller as a member of the workspace",
    access: "member",
    answer: member,
  }),
  operation({
    ...reading,
    id: "listUsers",
    path: "/w/{workspace}/users/list",
    summary: "Members",
    answer: z.array(member),
  }),
  operation({
    ...reading,
    id: "listUsernames",
    path: "/w/{workspace}/users/list_usernames",
    summary: "Usernames of the members",
    answer: z.array(z.string()),
  }),
  operation({
    ...reading,
    id: "getUser",
    path: "/w/{workspace}/users/get/{username}",
    summary: "A member",
    answer: member,
  }),
  operation({
    ...reading,
    id: "whois",
    path: "/w/{workspace}/users/whois/{username}",
    summary: "A member, or a super admin who acts in the workspace without being one",
    answer: member,
  }),
  operation({
    ...reading,
    id: "usernameToEmail",
    path: "/w/{workspace}/users/username_to_email/{username}",
    summary: "Email address of a member",
    answer: z.string(),
    media: "text",
  }),
  operation({
    ...reading,
    id: "isOwnerOfPath",
    path: "/w/{workspace}/users/is_owner/{path}",
    summary: "Whether the caller owns the path: own u/, a folder's owner, an admin",
    answer: z.boolean(),
  }),
  operation({
    ...administration,
    id: "updateUser",
    method: "POST",
    path: "/w/{workspace}/users/update/{username}",
    summary: "Change a member's role, or disable the member",
    body: z.object({
      is_admin: z.boolean().nullish(),
      operator: z.boolean().nullish(),
      disabled: z.boolean().nullish(),
    }),
  }),
  operation({
    ...administration,
    id: "deleteUser",
    method: "DELETE",
    path: "/w/{workspace}/users/delete/{username}",
    summary: "Remove a member from the workspace",
  }),
  operation({
    ...administration,
    id: "addUser",
    method: "POST",
    path: "/w/{workspace}/workspaces/add_user",
    tag: "Workspace",
    summary: "Add a member to the workspace",
    body: z.object({ email, is_admin: z.boolean(), operator: z.boolean(), username: username.nullish() }),
  }),
  operation({
    ...administration,
    id: "leaveWorkspace",
    method: "POST",
    path: "/w/{workspace}/workspaces/leave",
    tag: "Workspace",
    summary: "Leave the workspace",
    access: "member",
  }),
] as const;
