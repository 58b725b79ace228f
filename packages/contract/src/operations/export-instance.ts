import { z } from "zod";
import { operation } from "../operation.ts";
import { email, line, shortName, username } from "./identity-fields.ts";

const groupName = z.object({ name: shortName });
const summary = line(1000).nullish();
/** Rights of an instance are given to accounts, so that a group cannot give any. */
const noRole = z.literal(["", null], "is given to accounts, not to groups").nullish();

const group = z.object({
  name: z.string(),
  summary: z.string().optional(),
  emails: z.array(z.string()),
});
const withWorkspaces = group.extend({
  workspaces: z.array(z.object({ workspace_id: z.string(), workspace_name: z.string(), role: z.string() })),
});
const exportedGroup = z.object({
  name: shortName,
  summary,
  emails: z.array(email).max(100_000).nullish(),
  id: line(300).nullish(),
  scim_display_name: line(300).nullish(),
  external_id: line(300).nullish(),
  instance_role: noRole,
});
const exportedUser = z.object({
  email,
  password_hash: line(500).nullish(),
  super_admin: z.boolean(),
  verified: z.boolean(),
  name: line(200).nullish(),
  company: line(200).nullish(),
  first_time_user: z.boolean(),
  username: username.nullish(),
});

export type ExportedUser = z.output<typeof exportedUser>;

const reading = {
  method: "GET",
  tag: "Group",
  access: "devops",
  scope: { domain: "groups", action: "read" },
  deniesJobTokens: true,
} as const;
const writing = {
  method: "POST",
  tag: "Group",
  access: "superadmin",
  scope: { domain: "groups", action: "write" },
  deniesJobTokens: true,
  answer: z.string(),
  media: "text",
} as const;

export const instanceGroupsOperations = [
  operation({
    ...reading,
    id: "listInstanceGroups",
    path: "/groups/list",
    summary: "Groups of accounts over all workspaces",
    answer: z.array(group),
  }),
  operation({
    ...reading,
    id: "listInstanceGroupsWithWorkspaces",
    path: "/groups/list_with_workspaces",
    summary: "Groups of accounts, with the workspaces that name them",
    answer: z.array(withWorkspaces),
  }),
  operation({
    ...reading,
    id: "getInstanceGroup",
    path: "/groups/get/{name}",
    summary: "A group of accounts",
    params: groupName,
    answer: withWorkspaces,
  }),
  operation({
    ...writing,
    id: "createInstanceGroup",
    path: "/groups/create",
    summary: "Create a group of accounts",
    body: z.object({ name: shortName, summary }),
  }),
  operation({
    ...writing,
    id: "updateInstanceGroup",
    path: "/groups/update/{name}",
    summary: "Change what a group of accounts says of itself",
    params: groupName,
    body: z.object({ new_summary: line(1000), instance_role: noRole }),
  }),
  operation({
    ...writing,
    id: "deleteInstanceGroup",
    method: "DELETE",
    path: "/groups/delete/{name}",
    summary: "Delete a group of accounts",
    params: groupName,
  }),
  operation({
    ...writing,
    id: "addUserToInstanceGroup",
    path: "/groups/adduser/{name}",
    summary: "Add an account to a group",
    params: groupName,
    body: z.object({ email }),
  }),
  operation({
    ...writing,
    id: "removeUserFromInstanceGroup",
    path: "/groups/removeuser/{name}",
    summary: "Take an account out of a group",
    params: groupName,
    body: z.object({ email }),
  }),
  operation({
    ...reading,
    id: "exportInstanceGroups",
    path: "/groups/export",
    summary: "Every group of accounts, as `wmill instance pull` keeps them",
    access: "superadmin",
    answer: z.array(exportedGroup),
  }),
  operation({
    ...writing,
    id: "overwriteInstanceGroups",
    path: "/groups/overwrite",
    summary: "Replace every group of accounts",
    body: z.array(exportedGroup).max(10_000),
  }),
] as const;

export const instanceUsersOperations = [
  operation({
    id: "globalUsersExport",
    method: "GET",
    path: "/users/export",
    tag: "User",
    summary: "Every account with the hash of its password, as `wmill instance pull` keeps them",
    access: "superadmin",
    scope: { domain: "users", action: "write" },
    deniesJobTokens: true,
    answer: z.array(exportedUser),
  }),
  operation({
    id: "globalUsersOverwrite",
    method: "POST",
    path: "/users/overwrite",
    tag: "User",
    summary: "Make the accounts those that are sent; others are deleted, except one's own",
    access: "superadmin",
    scope: { domain: "users", action: "write" },
    deniesJobTokens: true,
    body: z.array(exportedUser).max(100_000),
    answer: z.string(),
    media: "text",
  }),
] as const;
