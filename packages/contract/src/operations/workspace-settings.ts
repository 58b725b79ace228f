import { z } from "zod";
import { operation } from "../operation.ts";
import { anyJson, jsonRecord, line } from "./identity-fields.ts";

/** A script path or another short text, or none. */
const short = line(2000).nullish();
const handler = {
  path: short,
  extra_args: jsonRecord.nullish(),
  muted_on_cancel: z.boolean().nullish(),
  muted_on_user_path: z.boolean().nullish(),
  fallback_to_instance_alerts: z.boolean().nullish(),
};

const reading = {
  method: "GET",
  tag: "Workspace",
  access: "member",
  scope: { domain: "workspaces", action: "read" },
} as const;
const writing = {
  method: "POST",
  tag: "Workspace",
  access: "admin",
  scope: { domain: "workspaces", action: "write" },
  deniesJobTokens: true,
} as const;
const message = { answer: z.string(), media: "text" } as const;

export const workspaceSettingsOperations = [
  operation({
    ...reading,
    id: "getSettings",
    path: "/w/{workspace}/workspaces/get_settings",
    summary: "Settings of the workspace; only admins see the secret ones",
    answer: z.record(z.string(), z.unknown()),
  }),
  operation({
    ...reading,
    id: "getPublicSettings",
    path: "/w/{workspace}/workspaces/get_public_settings",
    summary: "Settings of the workspace that every member may see",
    answer: z.record(z.string(), z.unknown()),
  }),
  operation({
    ...reading,
    id: "getWorkspaceDefaultApp",
    path: "/w/{workspace}/workspaces/default_app",
    summary: "The app the workspace opens with",
    answer: z.object({ default_app_path: z.string().optional(), default_app_raw: z.boolean().optional() }),
  }),
  operation({
    ...reading,
    id: "getDefaultScripts",
    path: "/w/{workspace}/workspaces/default_scripts",
    summary: "Languages and templates offered for new scripts",
    answer: z.record(z.string(), z.unknown()),
  }),
  operation({
    ...writing,
    ...message,
    id: "editDefaultScripts",
    path: "/w/{workspace}/workspaces/default_scripts",
    summary: "Set the languages and templates offered for new scripts",
    body: jsonRecord.nullish(),
  }),
  operation({
    ...writing,
    ...message,
    id: "editWorkspaceDefaultApp",
    path: "/w/{workspace}/workspaces/edit_default_app",
    summary: "Set the app the workspace opens with",
    body: z.object({ default_app_path: short }),
  }),
  operation({
    ...writing,
    ...message,
    id: "editSlackCommand",
    path: "/w/{workspace}/workspaces/edit_slack_command",
    summary: "Set the script or flow that answers the Slack command",
    body: z.object({ slack_command_script: short }),
  }),
  operation({
    ...writing,
    ...message,
    id: "setWorkspaceSlackOauthConfig",
    path: "/w/{workspace}/workspaces/slack_oauth_config",
    summary: "Set the workspace's own Slack application",
    body: z.object({ slack_oauth_client_id: line(500), slack_oauth_client_secret: line(500) }),
  }),
  operation({
    ...writing,
    ...message,
    id: "deleteWorkspaceSlackOauthConfig",
    method: "DELETE",
    path: "/w/{workspace}/workspaces/slack_oauth_config",
    summary: "Forget the workspace's own Slack application",
  }),
  operation({
    ...writing,
    ...message,
    id: "editAutoInvite",
    path: "/w/{workspace}/workspaces/edit_auto_invite",
    summary: "Say who is invited or added by the domain of the email address",
    body: z.object({
      operator: z.boolean().nullish(),
      invite_all: z.boolean().nullish(),
      auto_add: z.boolean().nullish(),
    }),
  }),
  operation({
    ...writing,
    ...message,
    id: "editInstanceGroups",
    path: "/w/{workspace}/workspaces/edit_instance_groups",
    summary: "Set the instance groups whose members are added, and their roles",
    body: z.object({
      groups: z.array(line(200)).max(1000).nullish(),
      roles: z.record(line(200), line(50)).nullish(),
    }),
  }),
  operation({
    ...writing,
    ...message,
    id: "editWebhook",
    path: "/w/{workspace}/workspaces/edit_webhook",
    summary: "Set the address that is told about changes in the workspace",
    body: z.object({ webhook: short }),
  }),
  operation({
    ...writing,
    id: "editCopilotConfig",
    path: "/w/{workspace}/workspaces/edit_copilot_config",
    summary: "Set the AI providers of the workspace",
    body: jsonRecord,
    answer: z.record(z.string(), z.unknown()),
  }),
  operation({
    ...writing,
    ...message,
    id: "editErrorHandler",
    path: "/w/{workspace}/workspaces/edit_error_handler",
    summary: "Set the script or flow that runs when a job fails",
    body: z.object({
      ...handler,
      error_handler: short,
      error_handler_extra_args: jsonRecord.nullish(),
      error_handler_muted_on_cancel: z.boolean().nullish(),
    }),
  }),
  operation({
    ...writing,
    ...message,
    id: "editSuccessHandler",
    path: "/w/{workspace}/workspaces/edit_success_handler",
    summary: "Set the script or flow that runs when a job succeeds",
    body: z.object({
      path: short,
      extra_args: jsonRecord.nullish(),
      success_handler: short,
      success_handler_extra_args: jsonRecord.nullish(),
    }),
  }),
  operation({
    ...writing,
    id: "editLargeFileStorageConfig",
    path: "/w/{workspace}/workspaces/edit_large_file_storage_config",
    summary: "Set the object storage of the workspace",
    body: z.object({ large_file_storage: anyJson.optional() }),
    answer: z.record(z.string(), z.unknown()),
  }),
  operation({
    ...writing,
    id: "editDataTableConfig",
    path: "/w/{workspace}/workspaces/edit_datatable_config",
    summary: "Set the data tables of the workspace",
    body: z.object({ settings: jsonRecord }),
    answer: z.record(z.string(), z.unknown()),
  }),
  operation({
    ...writing,
    id: "editWorkspaceGitSyncConfig",
    path: "/w/{workspace}/workspaces/edit_git_sync_config",
    summary: "Set the repositories the workspace is synchronised with",
    body: z.object({ git_sync_settings: anyJson.optional() }),
    answer: z.record(z.string(), z.unknown()),
  }),
  operation({
    ...reading,
    id: "getGitSyncDeployMode",
    path: "/w/{workspace}/workspaces/git_sync_deploy_mode",
    summary: "Whether a push to a git branch deploys by itself: it does not, the command line does",
    query: z.object({ branch: line(500).optional() }),
    answer: z.object({ configured: z.boolean(), deploy_on_push: z.boolean() }),
  }),
  operation({
    ...writing,
    ...message,
    id: "setEnvironmentVariable",
    path: "/w/{workspace}/workspaces/set_environment_variable",
    summary: "Set or remove an environment variable of every job of the workspace",
    body: z.object({
      name: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,199}$/, "is not the name of an environment variable"),
      value: anyJson.pipe(z.string().max(100_000).nullish()).optional(),
    }),
  }),
  operation({
    ...writing,
    ...message,
    id: "workspaceMuteCriticalAlertsUi",
    path: "/w/{workspace}/workspaces/critical_alerts/mute",
    tag: "Setting",
    summary: "Hide or show critical alerts in the workspace",
    body: z.object({ mute_critical_alerts: z.boolean().nullish() }),
    media: "json",
  }),
] as const;
