import { z } from "zod";
import { operation } from "../operation.ts";
import { flag, paging } from "../query.ts";
import { editFlow, flow, flowVersion, newFlow } from "./flows-fields.ts";
import { atPath, inWorkspace, storable } from "./item.ts";
import { listedToken } from "./listed-token.ts";

const read = { domain: "flows", action: "read" } as const;
const write = { domain: "flows", action: "write" } as const;
const withVersion = z.object({ workspace: storable, version: z.coerce.number().int().min(1).safe() });
const changes = {
  tag: "Flow",
  access: "developer",
  scope: write,
  params: atPath,
  answer: z.string(),
  media: "text",
} as const;
const reads = { tag: "Flow", access: "member", scope: read, params: atPath } as const;

export const flowsOperations = [
  operation({
    id: "createFlow",
    method: "POST",
    path: "/w/{workspace}/flows/create",
    summary: "Deploy a new flow; answers its path",
    body: newFlow,
    status: 201,
    mcp: {
      instructions:
        "Create a new flow. The request body must include 'path' (the flow identifier, e.g., 'f/examples/my_flow'), 'summary', 'value' (the flow definition as a JSON object with 'modules' array), and optionally 'schema' (JSON Schema for flow inputs). Set 'draft_only' to true to create a draft without deploying.",
    },
    ...changes,
    params: inWorkspace,
  }),
  operation({
    id: "updateFlow",
    method: "POST",
    path: "/w/{workspace}/flows/update/{path}",
    summary: "Deploy a new version of a flow; another path in the body moves it",
    body: editFlow,
    mcp: {
      instructions:
        "Update an existing flow. The path parameter identifies the flow to update (e.g., 'f/examples/my_flow'). The request body should include 'value' (updated flow definition), and optionally 'summary', 'description', 'schema', and 'deployment_message'. This creates a new version of the flow.",
    },
    ...changes,
  }),
  operation({
    id: "archiveFlowByPath",
    method: "POST",
    path: "/w/{workspace}/flows/archive/{path}",
    summary: "Archive a flow, or bring it back",
    body: z.object({ archived: z.boolean().nullish() }),
    mcp: {
      instructions:
        "Archive or unarchive a flow. Set 'archived' to true to archive (soft delete) the flow, or false to unarchive it. Archived flows are hidden from listings but can be restored.",
      destructive: true,
    },
    ...changes,
  }),
  operation({
    id: "deleteFlowByPath",
    method: "DELETE",
    path: "/w/{workspace}/flows/delete/{path}",
    summary: "Delete a flow with all its versions",
    query: z.object({ keep_captures: flag }),
    mcp: {
      instructions:
        "Permanently delete a flow. This operation cannot be undone. The path parameter identifies the flow (e.g., 'f/examples/my_flow'). Use 'keep_captures=true' query parameter to preserve captured webhook/trigger data.",
      destructive: true,
    },
    ...changes,
  }),
  operation({
    id: "toggleWorkspaceErrorHandlerForFlow",
    method: "POST",
    path: "/w/{workspace}/flows/toggle_workspace_error_handler/{path}",
    summary: "Mute or unmute the workspace's error handler for a flow",
    body: z.object({ muted: z.boolean().nullish() }),
    ...changes,
  }),
  operation({
    id: "updateFlowHistory",
    method: "POST",
    path: "/w/{workspace}/flows/history_update/v/{version}",
    summary: "Set the deployment message of a version",
    body: z.object({ deployment_msg: storable.nullish() }),
    ...changes,
    params: withVersion,
  }),
  operation({
    id: "getFlowVersion",
    narrows: true,
    method: "GET",
    path: "/w/{workspace}/flows/get/v/{version}",
    summary: "One version of a flow",
    answer: flow,
    ...reads,
    params: withVersion,
  }),
  operation({
    id: "getFlowByPath",
    method: "GET",
    path: "/w/{workspace}/flows/get/{path}",
    summary: "The deployed version of a flow",
    query: z.object({ with_starred_info: flag, get_draft: flag }),
    answer: flow,
    mcp: { instructions: "Reads a flow: its definition, schema and settings.", readOnly: true },
    ...reads,
  }),
  operation({
    id: "existsFlowByPath",
    method: "GET",
    path: "/w/{workspace}/flows/exists/{path}",
    summary: "Whether there is a flow at a path, archived ones included",
    answer: z.boolean(),
    ...reads,
  }),
  operation({
    id: "getFlowHistory",
    method: "GET",
    path: "/w/{workspace}/flows/history/p/{path}",
    summary: "The versions of a flow, newest first",
    query: z.object(paging),
    answer: z.array(flowVersion),
    ...reads,
  }),
  operation({
    id: "getFlowLatestVersion",
    method: "GET",
    path: "/w/{workspace}/flows/get_latest_version/{path}",
    summary: "The newest version of a flow",
    answer: flowVersion,
    ...reads,
  }),
  operation({
    id: "getFlowDeploymentStatus",
    method: "GET",
    path: "/w/{workspace}/flows/deployment_status/p/{path}",
    summary: "Whether the dependencies of a flow's inline scripts are resolved, and the job that does it",
    answer: z.object({ lock_error_logs: z.string().optional(), job_id: z.string().optional() }),
    ...reads,
  }),
  operation({
    id: "getTriggersCountOfFlow",
    method: "GET",
    path: "/w/{workspace}/flows/get_triggers_count/{path}",
    summary: "How many triggers of each kind start a flow",
    answer: z.record(z.string(), z.unknown()),
    ...reads,
  }),
  operation({
    id: "listTokensOfFlow",
    method: "GET",
    path: "/w/{workspace}/flows/list_tokens/{path}",
    tag: "Flow",
    summary: "The tokens made to run a flow",
    access: "developer",
    scope: { domain: "users", action: "read" },
    deniesJobTokens: true,
    params: atPath,
    answer: z.array(listedToken.partial({ email: true })),
  }),
] as const;
