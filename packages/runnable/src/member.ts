import { folderAccess, type Acl, type Member } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";

interface MemberRow {
  username: string;
  is_admin: boolean;
  operator: boolean;
  groups: string[];
}

interface FolderRow {
  name: string;
  owners: string[];
  extra_perms: Acl;
}

type Folders = Pick<Member, "foldersRead" | "foldersWrite" | "foldersOwned">;

async function foldersOf(db: Queryable, workspace: string, who: readonly string[]): Promise<Folders> {
  const rows = await db.query<FolderRow>(sql`select name, owners, extra_perms from folder
    where workspace_id = ${workspace} and (owners && ${who}::text[] or extra_perms ?| ${who}::text[])`);
  const having = (...wanted: (string | null)[]): string[] =>
    rows.filter((folder) => wanted.includes(folderAccess(folder, who))).map((folder) => folder.name);
  return {
    foldersRead: having("read", "write", "owner"),
    foldersWrite: having("write", "owner"),
    foldersOwned: having("owner"),
  };
}

/** A member with groups and folders, as they are now: `null` when there is none or it is disabled. */
export async function loadMember(db: Queryable, email: string, workspace: string): Promise<Member | null> {
  const row = await db.maybe<MemberRow>(sql`
    select m.username, m.is_admin, m.operator,
      array(select g.group_name from group_member g
            where g.workspace_id = m.workspace_id and g.username = m.username) as groups
    from member m join workspace w on w.id = m.workspace_id
    where m.workspace_id = ${workspace} and m.email = ${email} and not m.disabled and not w.deleted`);
  if (!row) return null;
  const groups = [...new Set(["all", ...row.groups])];
  const who = [`u/${row.username}`, ...groups.map((group) => `g/${group}`)];
  const { username, is_admin: isAdmin, operator: isOperator } = row;
  return { workspace, email, username, isAdmin, isOperator, groups, ...(await foldersOf(db, workspace, who)) };
}

/** A group as a member: it has what its folders and items grant it, and nothing of a user's own. */
export async function loadGroup(
  db: Queryable,
  { workspace, group, email }: { workspace: string; group: string; email: string },
): Promise<Member> {
  const groups = [...new Set([group, "all"])];
  const folders = await foldersOf(
    db,
    workspace,
    groups.map((name) => `g/${name}`),
  );
  return { workspace, email, username: `group-${group}`, isAdmin: false, isOperator: false, groups, ...folders };
}

/** A superadmin as they act in a workspace: as an admin, under the name of their account. */
export function superAdminMember(
  { email, username }: { email: string; username: string | null },
  workspace: string,
): Member {
  return {
    workspace,
    email,
    username: username ?? email,
    isAdmin: true,
    isOperator: false,
    groups: ["all"],
    foldersRead: [],
    foldersWrite: [],
    foldersOwned: [],
  };
}

/** Whom something that runs by itself acts as: who it is and, for users, their address. */
export interface Principal {
  workspace: string;
  /** `u/{username}`, `g/{group}`, or the address of a superadmin without a name. */
  permissionedAs: string;
  email: string;
}

/** The rights of a principal as they are now; `null` when they are gone, disabled, or no member any more. */
export async function loadPrincipal(
  db: Queryable,
  { workspace, permissionedAs, email }: Principal,
): Promise<Member | null> {
  if (permissionedAs.startsWith("g/")) return loadGroup(db, { workspace, group: permissionedAs.slice(2), email });
  const account = await db.maybe<{ username: string | null; super_admin: boolean; disabled: boolean }>(
    sql`select username, super_admin, disabled from account where email = ${email}`,
  );
  if (!account || account.disabled) return null;
  const member = await loadMember(db, email, workspace);
  if (!account.super_admin) return member;
  return member
    ? { ...member, isAdmin: true, isOperator: false }
    : superAdminMember({ email, username: account.username }, workspace);
}
