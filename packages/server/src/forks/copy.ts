import { triggerKinds, type Member } from "@towermill/contract";
import { sql, type Queryable, type Sql } from "@towermill/store";
import { triggerTable } from "../handlers/triggers-row.ts";
import { visible } from "../http/visibility.ts";

/** Who makes the fork of what. */
export interface Copying {
  tx: Queryable;
  fork: string;
  /** The maker as a member of the parent: what they may not read is not copied. */
  member: Member;
  /** The maker's name in the fork. */
  username: string;
}

const readable = (member: Member): Sql => visible(member, null, { path: sql`t.path`, extraPerms: sql`t.extra_perms` });

/** In the fork everything runs as whoever made it. */
const behalf = ["on_behalf_of", "on_behalf_of_email"];

async function copyScripts({ tx, fork, member }: Copying): Promise<void> {
  await tx.execute(sql`
    insert into script (workspace_id, hash, path, summary, description, content, language, kind, schema, lock, options,
      extra_perms, is_template, created_by, created_at)
    select ${fork}, hash, path, summary, description, content, language, kind, schema, lock, options - ${behalf}::text[],
      extra_perms, is_template, created_by, created_at
    from script t
    where workspace_id = ${member.workspace} and not archived and not deleted and not draft_only and ${readable(member)}`);
}

async function copyFlows({ tx, fork, member }: Copying): Promise<void> {
  await tx.execute(sql`
    insert into flow (workspace_id, path, summary, description, value, schema, options, extra_perms, edited_by, edited_at)
    select ${fork}, path, summary, description, value, schema, options - ${behalf}::text[], extra_perms, edited_by, edited_at
    from flow t where workspace_id = ${member.workspace} and not archived and not draft_only and ${readable(member)}`);
  await tx.execute(sql`
    with version as (
      insert into flow_version (workspace_id, path, value, schema, created_by)
      select ${fork}, path, value, schema, edited_by from flow where workspace_id = ${fork} returning id, path
    )
    update flow f set version = v.id from version v where f.workspace_id = ${fork} and f.path = v.path`);
}

async function copyApps({ tx, fork, member }: Copying): Promise<void> {
  await tx.execute(sql`
    insert into app (workspace_id, path, summary, policy, raw_app, labels, extra_perms)
    select ${fork}, path, summary, (policy::jsonb - ${behalf}::text[])::json, raw_app, labels, extra_perms
    from app t where workspace_id = ${member.workspace} and version is not null and ${readable(member)}`);
  await tx.execute(sql`
    with version as (
      insert into app_version (app_id, value, created_by, js, css)
      select a.id, v.value, v.created_by, v.js, v.css
      from app a join app t on t.workspace_id = ${member.workspace} and t.path = a.path join app_version v on v.id = t.version
      where a.workspace_id = ${fork} returning id, app_id
    )
    update app a set version = v.id from version v where a.id = v.app_id`);
}

/** Values of a workspace's own stay there, and so does what runs keep. */
async function copyValues({ tx, fork, member }: Copying): Promise<void> {
  const own = sql`workspace_id = ${member.workspace} and not ws_specific`;
  await tx.execute(sql`
    insert into variable (workspace_id, path, value, is_secret, description, expires_at, labels, extra_perms, edited_by, edited_at)
    select ${fork}, path, value, is_secret, description, expires_at, labels, extra_perms, edited_by, edited_at
    from variable t where ${own} and ${readable(member)}`);
  await tx.execute(sql`
    insert into resource (workspace_id, path, value, description, resource_type, labels, extra_perms, created_by, edited_at)
    select ${fork}, path, value, description, resource_type, labels, extra_perms, created_by, edited_at
    from resource t where ${own} and resource_type not in ('state', 'cache') and ${readable(member)}`);
  await tx.execute(sql`
    insert into resource_type (workspace_id, name, schema, description, display_name, format_extension, is_fileset, created_by, edited_at)
    select ${fork}, name, schema, description, display_name, format_extension, is_fileset, created_by, edited_at
    from resource_type where workspace_id = ${member.workspace}`);
  await tx.execute(sql`
    insert into workspace_dependencies (workspace_id, language, name, description, content, created_by)
    select ${fork}, language, name, description, content, created_by
    from workspace_dependencies where workspace_id = ${member.workspace} and not archived`);
  await tx.execute(sql`
    insert into datatable_migration (workspace_id, datatable, timestamp, name, code_up, code_down)
    select ${fork}, datatable, timestamp, name, code_up, code_down
    from datatable_migration where workspace_id = ${member.workspace}`);
}

/** Nothing begins by itself in a fork: schedules and triggers are off, and hold their addresses within the fork only. */
async function copyStarters({ tx, fork, member, username }: Copying): Promise<void> {
  const as = `u/${username}`;
  await tx.execute(sql`
    insert into schedule (workspace_id, path, schedule, timezone, cron_version, enabled, script_path, is_flow, args, options,
      labels, summary, description, permissioned_as, email, extra_perms, edited_by, edited_at)
    select ${fork}, path, schedule, timezone, cron_version, false, script_path, is_flow, args, options, labels, summary,
      description, ${as}, ${member.email}, extra_perms, edited_by, edited_at
    from schedule t where workspace_id = ${member.workspace} and ${readable(member)}`);
  for (const kind of triggerKinds) {
    const table = triggerTable(kind);
    await tx.execute(sql`
      insert into ${table} (workspace_id, path, script_path, is_flow, mode, config, claim, claim_workspaced, permissioned_as, email, labels, extra_perms,
        edited_by, edited_at)
      select ${fork}, path, script_path, is_flow, 'disabled', config, claim, claim is not null, ${as}, ${member.email}, labels, extra_perms, edited_by,
        edited_at
      from ${table} t where workspace_id = ${member.workspace} and ${readable(member)}`);
  }
}

/** Folders and groups as they are; of their members only the maker is in the fork. */
async function copyPeople({ tx, fork, member, username }: Copying): Promise<void> {
  const folders = member.isAdmin ? sql`true` : sql`name = any(${[...member.foldersRead]}::text[])`;
  await tx.execute(sql`
    insert into folder (workspace_id, name, display_name, summary, owners, extra_perms, default_permissioned_as, labels, created_by, edited_at)
    select ${fork}, name, display_name, summary, owners, extra_perms, default_permissioned_as, labels, created_by, edited_at
    from folder where workspace_id = ${member.workspace} and ${folders}`);
  await tx.execute(sql`
    insert into group_ (workspace_id, name, summary, extra_perms)
    select ${fork}, name, summary, extra_perms from group_ where workspace_id = ${member.workspace} and name <> 'all'`);
  await tx.execute(sql`
    insert into group_member (workspace_id, group_name, username)
    select ${fork}, group_name, ${username} from group_member
    where workspace_id = ${member.workspace} and username = ${member.username} and group_name <> 'all'`);
}

/** Settings that would act on the world from the fork too, or that belong to the parent. */
const parents = ["git_sync", "webhook", "auto_invite", "error_handler", "success_handler", "deploy_ui", "customer_id"];
/** What only admins of the parent may read. */
const forAdmins = ["ai_config", "large_file_storage", "datatable", "environment_variables"];

async function copySettings({ tx, fork, member }: Copying): Promise<void> {
  const left = member.isAdmin ? parents : [...parents, ...forAdmins];
  await tx.execute(sql`
    update workspace f set settings = coalesce((
      select jsonb_object_agg(name, value) from jsonb_each(p.settings) as each (name, value)
      where name <> all(${left}::text[]) and name not like 'slack%' and name not like 'teams%'), '{}')
    from workspace p where f.id = ${fork} and p.id = ${member.workspace}`);
}

/** Copies what the maker of a fork may read of its parent. Secrets are still under the parent's key. */
export async function copyWorkspace(copying: Copying): Promise<void> {
  await copyPeople(copying);
  await copyScripts(copying);
  await copyFlows(copying);
  await copyApps(copying);
  await copyValues(copying);
  await copyStarters(copying);
  await copySettings(copying);
}
