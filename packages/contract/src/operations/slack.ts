import { z } from "zod";
import { operation } from "../operation.ts";
import { line } from "./identity-fields.ts";

const writing = { method: "POST", tag: "Workspace", deniesJobTokens: true } as const;
const connection = z.object({
  bot_token: line(500).min(1),
  team_id: line(100).min(1),
  team_name: line(200).min(1),
});

/** A Slack team that a workspace, or the instance, speaks to with a token made elsewhere. */
export const slackOperations = [
  operation({
    ...writing,
    id: "connectSlack",
    path: "/w/{workspace}/workspaces/connect_slack",
    summary: "Connect the workspace to a Slack team by the token of a bot",
    access: "admin",
    scope: { domain: "workspaces", action: "write" },
    body: connection,
    answer: z.object({}),
  }),
  operation({
    ...writing,
    id: "disconnectSlack",
    path: "/w/{workspace}/oauth/disconnect_slack",
    tag: "Oauth",
    summary: "Forget the Slack team of the workspace; the bot's variable, resource, folder and group stay",
    access: "admin",
    scope: { domain: "workspaces", action: "write" },
    answer: z.string(),
    media: "text",
  }),
  operation({
    ...writing,
    id: "connectSlackInstance",
    path: "/oauth/connect_slack_instance",
    tag: "Oauth",
    summary: "Connect the instance to a Slack team; the bot's token is kept as a secret of the workspace admins",
    access: "superadmin",
    scope: { domain: "settings", action: "write" },
    body: connection,
    answer: z.object({}),
  }),
] as const;
