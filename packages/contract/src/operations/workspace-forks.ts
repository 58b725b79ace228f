import { z } from "zod";
import { operation } from "../operation.ts";
import { line, workspaceId } from "./identity-fields.ts";

const reading = { tag: "Workspace", access: "developer", scope: { domain: "workspaces", action: "read" } } as const;
const writing = {
  tag: "Workspace",
  access: "developer",
  scope: { domain: "workspaces", action: "write" },
  deniesJobTokens: true,
} as const;

const fork = z.object({
  id: workspaceId,
  name: line(100).min(1),
  color: line(30).nullish(),
  forked_datatables: z.array(z.unknown()).optional(),
});

const count = z.number().int();
const hidden = z.object({ total: count, by_kind: z.record(z.string(), count) });

const comparison = z.object({
  all_ahead_items_visible: z.boolean(),
  all_behind_items_visible: z.boolean(),
  skipped_comparison: z.boolean(),
  diffs: z.array(
    z.object({
      kind: z.string(),
      path: z.string(),
      ahead: count,
      behind: count,
      has_changes: z.boolean(),
      exists_in_source: z.boolean(),
      exists_in_fork: z.boolean(),
    }),
  ),
  summary: z.object({
    total_diffs: count,
    total_ahead: count,
    total_behind: count,
    scripts_changed: count,
    flows_changed: count,
    apps_changed: count,
    resources_changed: count,
    variables_changed: count,
    resource_types_changed: count,
    folders_changed: count,
    schedules_changed: count,
    triggers_changed: count,
    conflicts: count,
  }),
  hidden_ahead: hidden,
  hidden_behind: hidden,
});

export const workspaceForksOperations = [
  operation({
    ...writing,
    id: "createWorkspaceForkGitBranch",
    method: "POST",
    path: "/w/{workspace}/workspaces/create_workspace_fork_branch",
    summary: "Make the git branch of a fork; answers the jobs that do it: none, git is not written to from here",
    body: fork,
    answer: z.array(z.string()),
    status: 201,
  }),
  operation({
    ...writing,
    id: "createWorkspaceFork",
    method: "POST",
    path: "/w/{workspace}/workspaces/create_fork",
    summary: "Make a workspace that begins as a copy of what the caller may read of this one",
    body: fork,
    answer: z.string(),
    media: "text",
    status: 201,
  }),
  operation({
    ...reading,
    id: "compareWorkspaces",
    method: "GET",
    path: "/w/{workspace}/workspaces/compare/{target_workspace_id}",
    summary: "What differs between the workspace and a fork of it, and which side changed it",
    answer: comparison,
  }),
  operation({
    ...writing,
    id: "resetDiffTally",
    method: "POST",
    path: "/w/{workspace}/workspaces/reset_diff_tally/{fork_workspace_id}",
    summary: "Compare with a fork from now on, as far as both are the same now",
    answer: z.object({}),
  }),
] as const;
