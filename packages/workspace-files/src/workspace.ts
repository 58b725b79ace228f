import { metadata, type Entry } from "./entry.ts";

export interface FolderItem {
  name: string;
  display_name: string | null;
  summary: string | null;
  owners: readonly string[];
  extra_perms: Readonly<Record<string, boolean>>;
  default_permissioned_as: readonly { path_glob: string; permissioned_as: string }[] | null;
  labels: readonly string[] | null;
}

/** Owners and permissions are written though there are none: that is what they are then. Labels are, if there are any. */
export function folderEntry({ name, labels, ...folder }: FolderItem): Entry {
  return metadata(`f/${name}/folder.meta.json`, { ...folder, labels: labels && labels.length > 0 ? labels : null });
}

export interface MemberItem {
  email: string;
  username: string;
  is_admin: boolean;
  operator: boolean;
  disabled: boolean;
}

export function memberEntry({ email, username, is_admin, operator, disabled }: MemberItem): Entry {
  const role = is_admin ? "admin" : operator ? "operator" : "developer";
  return metadata(`users/${email}.user.json`, { username, role, disabled });
}

export interface GroupItem {
  name: string;
  summary: string | null;
  /** Usernames. */
  members: readonly string[];
  extra_perms: Readonly<Record<string, boolean>>;
}

/** Admins of a group are those of its members whom its permissions let write; they are not listed twice. */
export function groupEntry({ name, summary, members, extra_perms }: GroupItem): Entry {
  const all = members.map((member) => `u/${member}`).toSorted();
  const admins = all.filter((member) => extra_perms[member] === true);
  const others = all.filter((member) => !admins.includes(member));
  return metadata(`groups/${name}.group.json`, { summary, members: others, admins });
}

/** Settings that `wmill sync push --include-settings` writes; a workspace's other settings are no part of the files. */
const settingNames = [
  "auto_invite",
  "webhook",
  "ai_config",
  "error_handler",
  "success_handler",
  "large_file_storage",
  "git_sync",
  "default_app",
  "default_scripts",
  "mute_critical_alerts",
  "color",
  "operator_settings",
  "datatable",
  "slack_team_id",
  "slack_name",
  "slack_command_script",
  "slack_oauth_client_id",
  "slack_oauth_client_secret",
];

export function settingsEntry(name: string, settings: Readonly<Record<string, unknown>>): Entry {
  const known = settingNames.filter((setting) => setting in settings).map((setting) => [setting, settings[setting]]);
  return metadata("settings.json", { name, ...Object.fromEntries(known) });
}

export function encryptionKeyEntry(key: string): Entry {
  return { name: "encryption_key.json", content: JSON.stringify(key) };
}

const dependencyFiles: Readonly<Record<string, string>> = {
  bun: "package.json",
  python3: "requirements.in",
  php: "composer.json",
  go: "go.mod",
  powershell: "modules.json",
};

/** Dependencies that scripts of a language share, under the name their own tools know; `null` for other languages. */
export function dependenciesEntry(item: { language: string; name: string; content: string }): Entry | null {
  const file = dependencyFiles[item.language];
  if (file === undefined) return null;
  return { name: `dependencies/${item.name === "" ? "" : `${item.name}.`}${file}`, content: item.content };
}

export interface DatatableMigrationItem {
  datatable: string;
  /** Digits of the moment it was made, by which migrations are ordered. */
  timestamp: number;
  name: string;
  code_up: string;
  code_down: string | null;
}

/** A migration of a data table: how to go back, if there is a way, and how to go on. */
export function datatableMigrationEntries({
  datatable,
  timestamp,
  name,
  code_up,
  code_down,
}: DatatableMigrationItem): Entry[] {
  const file = `migrations/datatable/${datatable}/${timestamp}_${name}`;
  const down = code_down === null ? [] : [{ name: `${file}.down.sql`, content: code_down }];
  return [...down, { name: `${file}.up.sql`, content: code_up }];
}
