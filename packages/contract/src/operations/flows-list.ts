import { z } from "zod";
import { operation } from "../operation.ts";
import { choice, flag, paging } from "../query.ts";
import { flow } from "./flows-fields.ts";
import { inWorkspace, storable } from "./item.ts";

const read = {
  tag: "Flow",
  access: "member",
  scope: { domain: "flows", action: "read" },
  params: inWorkspace,
} as const;

export const flowsListOperations = [
  operation({
    id: "listFlows",
    narrows: true,
    method: "GET",
    path: "/w/{workspace}/flows/list",
    summary: "The flows one may read",
    query: z.object({
      ...paging,
      order_desc: flag,
      created_by: choice,
      path_start: storable.optional(),
      path_exact: storable.optional(),
      show_archived: flag,
      starred_only: flag,
      include_draft_only: flag,
      with_deployment_msg: flag,
      without_description: flag,
      dedicated_worker: flag,
      label: storable.optional(),
    }),
    answer: z.array(flow),
    mcp: {
      instructions: "Lists flows; filter with path_start, show_archived. Definitions are left out.",
      readOnly: true,
    },
    ...read,
  }),
  operation({
    id: "listSearchFlow",
    narrows: true,
    method: "GET",
    path: "/w/{workspace}/flows/list_search",
    summary: "Paths and definitions of all flows, for a search box",
    answer: z.array(z.object({ path: z.string(), value: z.unknown() })),
    ...read,
  }),
  operation({
    id: "listFlowPaths",
    narrows: true,
    method: "GET",
    path: "/w/{workspace}/flows/list_paths",
    summary: "The paths of all flows one may read",
    answer: z.array(z.string()),
    ...read,
  }),
  operation({
    id: "listFlowPathsFromWorkspaceRunnable",
    method: "GET",
    path: "/w/{workspace}/flows/list_paths_from_workspace_runnable/{runnable_kind}/{path}",
    summary: "The flows with a step that runs a script or flow",
    query: z.object({ match_path_start: flag }),
    answer: z.array(z.string()),
    ...read,
    params: z.object({ workspace: storable, runnable_kind: z.enum(["script", "flow"]), path: storable }),
  }),
] as const;
