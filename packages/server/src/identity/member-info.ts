import { folderAccess, type Acl, type Member } from "@towermill/contract";
import { sql, type Queryable, type Sql } from "@towermill/store";

/** A member as the API shows it. */
export interface MemberInfo {
  email: string;
  username: string;
  is_admin: boolean;
  name?: string;
  is_super_admin: boolean;
  created_at: string;
  operator: boolean;
  disabled: boolean;
  groups: string[];
  /** Folders the member may write to. */
  folders: string[];
  folders_read: string[];
  folders_owners: string[];
  added_via: unknown;
  is_service_account?: boolean;
  non_member?: boolean;
}

interface InfoRow {
  email: string;
  username: string;
  is_admin: boolean;
  operator: boolean;
  disabled: boolean;
  added_via: unknown;
  created_at: Date;
  name: string | null;
  super_admin: boolean;
  login_type: string | null;
  groups: string[];
}

interface FolderRow {
  name: string;
  owners: string[];
  extra_perms: Acl;
}

function infoOf(row: InfoRow): MemberInfo {
  return {
    email: row.email,
    username: row.username,
    is_admin: row.is_admin,
    ...(row.name === null ? {} : { name: row.name }),
    is_super_admin: row.super_admin,
    created_at: row.created_at.toISOString(),
    operator: row.operator,
    disabled: row.disabled,
    groups: [...new Set(["all", ...row.groups])],
    folders: [],
    folders_read: [],
    folders_owners: [],
    added_via: row.added_via ?? undefined,
    ...(row.login_type === "service_account" ? { is_service_account: true } : {}),
  };
}

/** Members that `filter` (over `m`) lets through, by name; folders are left empty. */
export async function listMembers(db: Queryable, workspace: string, filter: Sql = sql`true`): Promise<MemberInfo[]> {
  const rows = await db.query<InfoRow>(sql`
    select m.email, m.username, m.is_admin, m.operator, m.disabled, m.added_via, m.created_at, a.name,
      coalesce(a.super_admin, false) as super_admin, a.login_type,
      array(select g.group_name from group_member g where g.workspace_id = m.workspace_id and g.username = m.username
            order by 1) as groups
    from member m left join account a using (email)
    where m.workspace_id = ${workspace} and ${filter} order by m.username`);
  return rows.map(infoOf);
}

async function withFolders(db: Queryable, workspace: string, info: MemberInfo): Promise<MemberInfo> {
  const who = [`u/${info.username}`, ...info.groups.map((group) => `g/${group}`)];
  const rows = await db.query<FolderRow>(sql`
    select name, owners, extra_perms from folder
    where workspace_id = ${workspace} and (owners && ${who}::text[] or extra_perms ?| ${who}::text[]) order by name`);
  const access = rows.map((row) => ({ name: row.name, level: folderAccess(row, who) }));
  const names = (levels: readonly (string | null)[]): string[] =>
    access.filter(({ level }) => levels.includes(level)).map(({ name }) => name);
  return {
    ...info,
    folders: names(["owner", "write"]),
    folders_read: names(["owner", "write", "read"]),
    folders_owners: names(["owner"]),
  };
}

/** One member with groups and folders; `null` when there is none. */
export async function findMember(
  db: Queryable,
  workspace: string,
  by: { username: string } | { email: string },
): Promise<MemberInfo | null> {
  const filter = "username" in by ? sql`m.username = ${by.username}` : sql`m.email = ${by.email}`;
  const [found] = await listMembers(db, workspace, filter);
  return found ? withFolders(db, workspace, found) : null;
}

/** A super admin who acts in a workspace without being one of its members. */
export async function findSuperAdmin(
  db: Queryable,
  by: { username: string } | { email: string },
): Promise<MemberInfo | null> {
  const filter = "email" in by ? sql`email = ${by.email}` : sql`coalesce(username, email) = ${by.username}`;
  const row = await db.maybe<{ email: string; username: string | null; name: string | null; created_at: Date }>(
    sql`select email, username, name, created_at from account where super_admin and not disabled and ${filter}`,
  );
  if (!row) return null;
  return {
    ...infoOf({
      email: row.email,
      username: row.username ?? row.email,
      name: row.name,
      created_at: row.created_at,
      is_admin: true,
      super_admin: true,
      operator: false,
      disabled: false,
      added_via: null,
      login_type: null,
      groups: [],
    }),
    non_member: true,
  };
}

/** The caller in a workspace: as stored, with the rights the request has (a job's are those of its start). */
export async function describeMember(db: Queryable, member: Member): Promise<MemberInfo | null> {
  const stored =
    (await findMember(db, member.workspace, { email: member.email })) ??
    (await findSuperAdmin(db, { email: member.email }));
  return (
    stored && {
      ...stored,
      username: member.username,
      is_admin: member.isAdmin,
      operator: member.isOperator,
      groups: [...member.groups],
      folders: [...member.foldersWrite],
      folders_read: [...member.foldersRead],
      folders_owners: [...member.foldersOwned],
    }
  );
}
