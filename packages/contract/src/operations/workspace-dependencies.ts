import { z } from "zod";
import { languages } from "../language.ts";
import { operation } from "../operation.ts";
import { inWorkspace, storable } from "./item.ts";

const language = z.enum(languages);
const name = storable.regex(/^[A-Za-z0-9_-]{1,100}$/, "holds only letters, digits, _ and -");

const dependencies = z.object({
  id: z.number(),
  archived: z.boolean(),
  name: z.string().optional(),
  description: z.string().optional(),
  content: z.string(),
  language: z.string(),
  workspace_id: z.string(),
  created_at: z.string(),
});

const reading = {
  method: "GET",
  tag: "WorkspaceDependencies",
  access: "member",
  scope: { domain: "scripts", action: "read" },
} as const;
// What every script of a language may import is the workspace's own decision.
const writing = {
  method: "POST",
  tag: "WorkspaceDependencies",
  access: "admin",
  scope: { domain: "scripts", action: "write" },
} as const;
const named = {
  params: z.object({ workspace: storable, language }),
  query: z.object({ name: name.optional() }),
} as const;

export const workspaceDependenciesOperations = [
  operation({
    ...writing,
    id: "createWorkspaceDependencies",
    path: "/w/{workspace}/workspace_dependencies/create",
    summary: "Save dependencies that scripts of a language share; an earlier save of that name stays as history",
    params: inWorkspace,
    body: z.object({
      workspace_id: storable.nullish(),
      language,
      name: name.nullish(),
      description: storable.nullish(),
      content: storable.max(1_000_000),
    }),
    answer: z.string(),
    status: 201,
    media: "text",
  }),
  operation({
    ...reading,
    ...named,
    id: "getLatestWorkspaceDependencies",
    path: "/w/{workspace}/workspace_dependencies/get_latest/{language}",
    summary: "The shared dependencies of a language: the default ones, or those of a name",
    answer: dependencies,
  }),
  operation({
    ...reading,
    id: "listWorkspaceDependencies",
    path: "/w/{workspace}/workspace_dependencies/list",
    summary: "The shared dependencies in use",
    params: inWorkspace,
    answer: z.array(dependencies),
  }),
  operation({
    ...writing,
    ...named,
    id: "archiveWorkspaceDependencies",
    path: "/w/{workspace}/workspace_dependencies/archive/{language}",
    summary: "Take shared dependencies out of use",
    answer: z.string(),
    media: "text",
  }),
  operation({
    ...writing,
    ...named,
    id: "deleteWorkspaceDependencies",
    path: "/w/{workspace}/workspace_dependencies/delete/{language}",
    summary: "Delete shared dependencies with their history",
    answer: z.string(),
    media: "text",
  }),
] as const;
