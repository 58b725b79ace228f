import { z } from "zod";
import { operation } from "../operation.ts";
import { inWorkspace, storable } from "./item.ts";
import { workspaceChange } from "./workspace-change.ts";

export const protectionRuleKinds = [
  "DisableDirectDeployment",
  "DisableWorkspaceForking",
  "RestrictDeployToDeployers",
  "RestrictAnonymousAppDeployment",
  "RestrictPublicRunSharing",
  "RestrictGuestAppDeployment",
] as const;

export type ProtectionRuleKind = (typeof protectionRuleKinds)[number];

const ruleset = {
  rules: z.array(z.enum(protectionRuleKinds)).max(50),
  bypass_groups: z.array(storable.max(200)).max(500),
  bypass_users: z.array(storable.max(300)).max(500),
};
const name = storable.min(1).max(200);
const writing = { method: "POST", ...workspaceChange } as const;

export const protectionRulesOperations = [
  operation({
    id: "listProtectionRules",
    method: "GET",
    path: "/w/{workspace}/workspaces/protection_rules",
    tag: "Workspace",
    summary: "What is restricted in the workspace, and who is exempt",
    access: "member",
    scope: { domain: "workspaces", action: "read" },
    params: inWorkspace,
    answer: z.array(
      z.object({
        name: z.string(),
        workspace_id: z.string(),
        rules: z.array(z.string()),
        bypass_groups: z.array(z.string()),
        bypass_users: z.array(z.string()),
      }),
    ),
  }),
  operation({
    ...writing,
    id: "createProtectionRule",
    path: "/w/{workspace}/workspaces/protection_rules",
    summary: "Add a set of restrictions",
    params: inWorkspace,
    body: z.object({ name, ...ruleset }),
  }),
  operation({
    ...writing,
    id: "updateProtectionRule",
    path: "/w/{workspace}/workspaces/protection_rules/{rule_name}",
    summary: "Replace a set of restrictions",
    params: z.object({ workspace: storable, rule_name: storable }),
    body: z.object({ name: name.nullish(), ...ruleset }),
  }),
  operation({
    ...writing,
    id: "deleteProtectionRule",
    method: "DELETE",
    path: "/w/{workspace}/workspaces/protection_rules/{rule_name}",
    summary: "Remove a set of restrictions",
    params: z.object({ workspace: storable, rule_name: storable }),
  }),
] as const;
