import { z } from "zod";
import { operation } from "../operation.ts";
import { flag, paging } from "../query.ts";
import { labels, line, perms, principal, shortName } from "./identity-fields.ts";

const defaultPermissionedAs = z.array(z.object({ path_glob: line(500), permissioned_as: line(260) })).max(200);

const folder = z.object({
  name: z.string(),
  display_name: z.string().optional(),
  owners: z.array(z.string()),
  extra_perms: z.record(z.string(), z.boolean()),
  summary: z.string().optional(),
  created_by: z.string().optional(),
  edited_at: z.string().optional(),
  default_permissioned_as: z.array(z.object({ path_glob: z.string(), permissioned_as: z.string() })).optional(),
  labels: z.array(z.string()).optional(),
});

const content = {
  display_name: line(200).nullish(),
  summary: line(1000).nullish(),
  owners: z.array(principal).max(500).nullish(),
  extra_perms: perms.nullish(),
  default_permissioned_as: defaultPermissionedAs.nullish(),
  labels: labels.nullish(),
};

const reading = {
  method: "GET",
  tag: "Folder",
  access: "member",
  scope: { domain: "folders", action: "read" },
} as const;
const writing = {
  tag: "Folder",
  access: "developer",
  scope: { domain: "folders", action: "write" },
  answer: z.string(),
  media: "text",
} as const;

export const folderOperations = [
  operation({
    ...reading,
    id: "listFolders",
    path: "/w/{workspace}/folders/list",
    summary: "Folders the caller may see",
    query: z.object({ ...paging }),
    answer: z.array(folder),
    mcp: { instructions: "Lists folders with their owners and who may read or write them.", readOnly: true },
  }),
  operation({
    ...reading,
    id: "listFolderNames",
    path: "/w/{workspace}/folders/listnames",
    summary: "Names of the folders the caller may see",
    query: z.object({ ...paging, only_member_of: flag }),
    answer: z.array(z.string()),
  }),
  operation({
    ...reading,
    id: "getFolder",
    path: "/w/{workspace}/folders/get/{name}",
    summary: "A folder",
    answer: folder,
    mcp: { instructions: "Reads one folder: its owners and permissions.", readOnly: true },
  }),
  operation({
    ...reading,
    id: "existsFolder",
    path: "/w/{workspace}/folders/exists/{name}",
    summary: "Whether a folder exists that the caller may see",
    answer: z.boolean(),
  }),
  operation({
    ...reading,
    id: "getFolderUsage",
    path: "/w/{workspace}/folders/getusage/{name}",
    summary: "How many items a folder holds, by kind",
    answer: z.object({
      scripts: z.number(),
      flows: z.number(),
      apps: z.number(),
      resources: z.number(),
      variables: z.number(),
      schedules: z.number(),
    }),
  }),
  operation({
    ...writing,
    id: "createFolder",
    method: "POST",
    path: "/w/{workspace}/folders/create",
    summary: "Create a folder; its maker becomes an owner",
    body: z.object({ name: shortName, ...content }),
    mcp: { instructions: "Creates a folder; items live in it as f/{name}/{item}." },
  }),
  operation({
    ...writing,
    id: "updateFolder",
    method: "POST",
    path: "/w/{workspace}/folders/update/{name}",
    summary: "Change a folder; fields that are left out stay",
    body: z.object(content),
    mcp: { instructions: "Changes a folder: its summary, owners and permissions (extra_perms).", idempotent: true },
  }),
  operation({
    ...writing,
    id: "deleteFolder",
    method: "DELETE",
    path: "/w/{workspace}/folders/delete/{name}",
    summary: "Delete a folder; what is in it stays, for admins",
    mcp: { instructions: "Deletes a folder; the items in it stay and belong to admins.", destructive: true },
  }),
  operation({
    ...writing,
    id: "addOwnerToFolder",
    method: "POST",
    path: "/w/{workspace}/folders/addowner/{name}",
    summary: "Make a user or group an owner of a folder",
    body: z.object({ owner: principal }),
  }),
  operation({
    ...writing,
    id: "removeOwnerToFolder",
    method: "POST",
    path: "/w/{workspace}/folders/removeowner/{name}",
    summary: "Take a folder's ownership from a user or group; `write` says what access is left",
    body: z.object({ owner: principal, write: z.boolean().nullish() }),
  }),
] as const;
