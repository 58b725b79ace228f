import { z } from "zod";
import { operation } from "../operation.ts";
import { flag, paging } from "../query.ts";
import { line, shortName } from "./identity-fields.ts";

const group = z.object({
  name: z.string(),
  summary: z.string().optional(),
  members: z.array(z.string()).optional(),
  extra_perms: z.record(z.string(), z.boolean()).optional(),
});

const reading = { method: "GET", tag: "Group", access: "member", scope: { domain: "groups", action: "read" } } as const;
const writing = {
  tag: "Group",
  access: "developer",
  scope: { domain: "groups", action: "write" },
  answer: z.string(),
  media: "text",
} as const;

export const groupOperations = [
  operation({
    ...reading,
    id: "listGroups",
    path: "/w/{workspace}/groups/list",
    summary: "Groups of the workspace",
    query: z.object({ ...paging }),
    answer: z.array(group),
  }),
  operation({
    ...reading,
    id: "listGroupNames",
    path: "/w/{workspace}/groups/listnames",
    summary: "Names of the groups",
    query: z.object({ only_member_of: flag }),
    answer: z.array(z.string()),
  }),
  operation({
    ...reading,
    id: "getGroup",
    path: "/w/{workspace}/groups/get/{name}",
    summary: "A group",
    answer: group,
  }),
  operation({
    ...writing,
    id: "createGroup",
    method: "POST",
    path: "/w/{workspace}/groups/create",
    summary: "Create a group; its maker becomes its admin",
    body: z.object({ name: shortName, summary: line(1000).nullish() }),
  }),
  operation({
    ...writing,
    id: "updateGroup",
    method: "POST",
    path: "/w/{workspace}/groups/update/{name}",
    summary: "Change the summary of a group",
    body: z.object({ summary: line(1000).nullish() }),
  }),
  operation({
    ...writing,
    id: "deleteGroup",
    method: "DELETE",
    path: "/w/{workspace}/groups/delete/{name}",
    summary: "Delete a group and whatever access it gave",
  }),
  operation({
    ...writing,
    id: "addUserToGroup",
    method: "POST",
    path: "/w/{workspace}/groups/adduser/{name}",
    summary: "Add a member of the workspace to a group",
    body: z.object({ username: line(254) }),
  }),
  operation({
    ...writing,
    id: "removeUserToGroup",
    method: "POST",
    path: "/w/{workspace}/groups/removeuser/{name}",
    summary: "Take a member out of a group",
    body: z.object({ username: line(254) }),
  }),
] as const;
