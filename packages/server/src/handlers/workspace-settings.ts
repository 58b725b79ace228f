import { ApiError, type Member, type workspaceSettingsOperations } from "@towermill/contract";
import type { Handlers } from "../http/call.ts";
import { changeSettings, readSetting, readSettings, type SettingsChange } from "../identity/workspace-settings.ts";
import type { Services } from "../services.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The object without what is null or undefined; `null` when nothing is left. */
function compact(fields: Fields): Fields | null {
  const kept = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined);
  return kept.length === 0 ? null : Object.fromEntries(kept);
}

/** A handler needs a path to be one; the other fields belong to it. */
function handler(fields: Fields): Fields | null {
  return fields["path"] ? compact(fields) : null;
}

function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

const publicNames = [
  "workspace_id",
  "slack_name",
  "slack_team_id",
  "teams_team_id",
  "teams_team_name",
  "teams_team_guid",
  "large_file_storage",
  "datatable",
  "deploy_ui",
  "mute_critical_alerts",
];

/** Domain part and instance groups of `auto_invite` are set by two operations: each keeps what the other set. */
async function changeAutoInvite(
  services: Services,
  member: Member,
  { names, to }: { names: string[]; to: Fields },
): Promise<void> {
  const before = asFields(await readSetting(services.db, member.workspace, "auto_invite"));
  const kept = Object.fromEntries(Object.entries(before).filter(([name]) => !names.includes(name)));
  await changeSettings(services, member, { auto_invite: compact({ ...kept, ...to }) });
}

function inviteFields(
  body: {
    operator?: boolean | null | undefined;
    invite_all?: boolean | null | undefined;
    auto_add?: boolean | null | undefined;
  },
  email: string,
): Fields {
  if (Object.keys(body).length === 0) return {};
  const domain = body.invite_all === false ? (email.split("@")[1] ?? "") : "*";
  return { enabled: true, domain, operator: body.operator ?? false, mode: body.auto_add ? "add" : "invite" };
}

async function setVariable(
  services: Services,
  member: Member,
  { name, value }: { name: string; value?: string | null | undefined },
) {
  const before = asFields(await readSetting(services.db, member.workspace, "environment_variables"));
  const { [name]: _, ...others } = before;
  const after = value ? { ...others, [name]: value } : others;
  if (JSON.stringify(after).length > 1_000_000) {
    throw new ApiError("bad_request", "The environment variables of the workspace are larger than 1 MB together");
  }
  await changeSettings(services, member, { environment_variables: compact(after) });
}

/** Operations that only keep what they are sent, and the message they answer. */
function keepers(services: Services) {
  const keep = async (member: Member, change: SettingsChange, what: string): Promise<string> => {
    await changeSettings(services, member, change);
    return `${what} updated`;
  };
  return {
    editDefaultScripts: ({ member, body }) => keep(member, { default_scripts: compact(body ?? {}) }, "default scripts"),
    editWorkspaceDefaultApp: ({ member, body }) => keep(member, { default_app: body.default_app_path }, "default app"),
    editSlackCommand: ({ member, body }) =>
      keep(member, { slack_command_script: body.slack_command_script }, "slack command"),
    setWorkspaceSlackOauthConfig: ({ member, body }) => keep(member, { ...body }, "slack oauth config"),
    deleteWorkspaceSlackOauthConfig: ({ member }) =>
      keep(member, { slack_oauth_client_id: null, slack_oauth_client_secret: null }, "slack oauth config"),
    editWebhook: ({ member, body }) => keep(member, { webhook: body.webhook }, "webhook"),
    editErrorHandler: ({ member, body }) =>
      keep(
        member,
        {
          error_handler: handler({
            path: body.path ?? body.error_handler,
            extra_args: body.extra_args ?? body.error_handler_extra_args,
            muted_on_cancel: body.muted_on_cancel ?? body.error_handler_muted_on_cancel,
            muted_on_user_path: body.muted_on_user_path,
          }),
          error_handler_fallback_to_instance_alerts: body.fallback_to_instance_alerts,
        },
        "error handler",
      ),
    editSuccessHandler: ({ member, body }) =>
      keep(
        member,
        {
          success_handler: handler({
            path: body.path ?? body.success_handler,
            extra_args: body.extra_args ?? body.success_handler_extra_args,
          }),
        },
        "success handler",
      ),
    workspaceMuteCriticalAlertsUi: ({ member, body }) =>
      keep(member, { mute_critical_alerts: body.mute_critical_alerts }, "mute critical alerts"),
  } satisfies Partial<Handlers<typeof workspaceSettingsOperations>>;
}

export function workspaceSettingsHandlers(services: Services): Handlers<typeof workspaceSettingsOperations> {
  const { db } = services;
  return {
    ...keepers(services),
    getSettings: ({ member }) => readSettings(db, member),
    async getPublicSettings({ member }) {
      const settings = await readSettings(db, member);
      const shown = Object.fromEntries(
        publicNames.filter((name) => name in settings).map((name) => [name, settings[name]]),
      );
      return { ...shown, guest_access_enabled: false, add_admins_and_developers_to_forks: false };
    },
    async getWorkspaceDefaultApp({ params }) {
      const path = await readSetting(db, params.workspace, "default_app");
      return typeof path === "string" ? { default_app_path: path } : {};
    },
    getDefaultScripts: async ({ params }) => ({
      ...asFields(await readSetting(db, params.workspace, "default_scripts")),
    }),
    async editAutoInvite({ member, body }) {
      const names = ["enabled", "domain", "operator", "mode"];
      await changeAutoInvite(services, member, { names, to: inviteFields(body, member.email) });
      return "auto invite updated";
    },
    async editInstanceGroups({ member, body }) {
      const names = ["instance_groups", "instance_groups_roles"];
      const to = { instance_groups: body.groups, instance_groups_roles: body.roles };
      await changeAutoInvite(services, member, { names, to });
      return "instance groups updated";
    },
    async editCopilotConfig({ member, body }) {
      await changeSettings(services, member, { ai_config: compact(body) });
      return { effective_ai_config: body, has_instance_ai_config: false, uses_instance_ai_config: false };
    },
    async editLargeFileStorageConfig({ member, body }) {
      await changeSettings(services, member, { large_file_storage: body.large_file_storage });
      return {};
    },
    async editDataTableConfig({ member, body }) {
      await changeSettings(services, member, { datatable: body.settings });
      return {};
    },
    async editWorkspaceGitSyncConfig({ member, body }) {
      await changeSettings(services, member, { git_sync: body.git_sync_settings });
      return {};
    },
    async getGitSyncDeployMode({ params }) {
      const { repositories } = asFields(await readSetting(db, params.workspace, "git_sync"));
      return { configured: Array.isArray(repositories) && repositories.length > 0, deploy_on_push: false };
    },
    async setEnvironmentVariable({ member, body }) {
      await setVariable(services, member, body);
      return `environment variable ${body.name} ${body.value ? "set" : "removed"}`;
    },
  };
}
