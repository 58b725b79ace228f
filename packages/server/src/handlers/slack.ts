import type { slackOperations } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import type { Handlers } from "../http/call.ts";
import { unrestrictedAccountOf } from "../identity/actor.ts";
import { audit } from "../identity/audit.ts";
import { forgetEveryMember } from "../identity/invalidate.ts";
import { changeSettings } from "../identity/workspace-settings.ts";
import type { Services } from "../services.ts";

/** Where Windmill's handlers of Slack look for the bot, and who may. */
const folder = "slack_bot";
const path = `f/${folder}/bot_token`;
const group = "slack";

interface Bot {
  workspace: string;
  /** Who connects it. */
  username: string;
  /** Ciphertext of the bot's token. */
  token: string;
}

/** Writes the bot's token where only the group `slack` reads it, over the one before. */
async function writeBot(tx: Queryable, { workspace, username, token }: Bot): Promise<void> {
  await tx.execute(sql`
    insert into group_ (workspace_id, name, summary) values (${workspace}, ${group}, 'Who may use the Slack bot')
    on conflict do nothing`);
  await tx.execute(sql`
    insert into folder (workspace_id, name, owners, extra_perms, created_by)
    values (${workspace}, ${folder}, ${[`u/${username}`]}, ${{ [`g/${group}`]: false, "g/error_handler": false }}, ${username})
    on conflict do nothing`);
  await tx.execute(sql`
    insert into variable (workspace_id, path, value, is_secret, description, edited_by)
    values (${workspace}, ${path}, ${token}, true, 'Token of the Slack bot', ${username})
    on conflict (workspace_id, path) do update set value = excluded.value, is_secret = true, edited_by = excluded.edited_by, edited_at = now()`);
  await tx.execute(sql`
    insert into resource (workspace_id, path, value, resource_type, description, created_by)
    values (${workspace}, ${path}, ${sql.json({ token: `$var:${path}` })}, 'slack', 'The Slack bot', ${username})
    on conflict do nothing`);
  await audit(tx, {
    workspace,
    username,
    operation: "workspaces.connect_slack",
    actionKind: "Updated",
    resource: path,
  });
}

export function slackHandlers(services: Services): Handlers<typeof slackOperations> {
  const { db, vault, bus } = services;
  const keepBot = async (workspace: string, username: string, botToken: string): Promise<void> => {
    const token = await vault.encrypt(workspace, botToken);
    await db.transaction((tx) => writeBot(tx, { workspace, username, token }));
    forgetEveryMember(bus);
  };
  return {
    async connectSlack({ member, body }) {
      await keepBot(member.workspace, member.username, body.bot_token);
      await changeSettings(services, member, { slack_team_id: body.team_id, slack_name: body.team_name });
      return {};
    },
    async disconnectSlack({ member }) {
      await changeSettings(services, member, { slack_team_id: null, slack_name: null });
      return `slack disconnected from ${member.workspace}`;
    },
    async connectSlackInstance({ caller, body }) {
      const { account } = unrestrictedAccountOf(caller);
      await keepBot("admins", account.username ?? account.email, body.bot_token);
      const team = sql.json({ team_id: body.team_id, team_name: body.team_name, bot_token: `$var:${path}` });
      await db.execute(sql`
        insert into global_setting (name, value) values ('slack', ${team})
        on conflict (name) do update set value = excluded.value`);
      return {};
    },
  };
}
