/** A member of a workspace as permission decisions see them; taken from the database, or from a job's snapshot. */
export interface Member {
  workspace: string;
  email: string;
  username: string;
  isAdmin: boolean;
  isOperator: boolean;
  /** Names of the groups the member is in, `all` included. */
  groups: readonly string[];
  foldersRead: readonly string[];
  foldersWrite: readonly string[];
  foldersOwned: readonly string[];
}

/** `extra_perms` of an item or folder: `u/{user}` or `g/{group}` → true = write, false = read. */
export type Acl = Readonly<Record<string, boolean>>;

/** The principals a member speaks for: `u/{username}` and `g/{group}` for each group. */
export function principals(member: Pick<Member, "username" | "groups">): string[] {
  return [`u/${member.username}`, ...member.groups.map((group) => `g/${group}`)];
}

function grantedBy(acl: Acl, member: Member, action: "read" | "write"): boolean {
  return principals(member).some((who) => Object.hasOwn(acl, who) && (action === "read" || acl[who] === true));
}

/**
 * Decides whether a member may read or write the item at `path`. Admins may all; operators never write; else one's own
 * `u/{username}/`, groups one is in, folders by their ACL, and what the item's own `extra_perms` add. Everything else
 * is denied.
 */
export function allowed(member: Member, action: "read" | "write", path: string, acl: Acl = {}): boolean {
  if (member.isAdmin) return true;
  if (member.isOperator && action === "write") return false;
  const [kind, name = ""] = path.split("/");
  if (kind === "u" && name === member.username) return true;
  if (kind === "g" && member.groups.includes(name)) return true;
  if (kind === "f" && (action === "read" ? member.foldersRead : member.foldersWrite).includes(name)) return true;
  return grantedBy(acl, member, action);
}

/** What of a folder a member has: the strongest of ownership and ACL entries, `null` = nothing. */
export function folderAccess(
  folder: { owners: readonly string[]; extra_perms: Acl },
  who: readonly string[],
): "owner" | "write" | "read" | null {
  if (folder.owners.some((owner) => who.includes(owner))) return "owner";
  const entries = who.filter((principal) => principal in folder.extra_perms);
  if (entries.some((principal) => folder.extra_perms[principal] === true)) return "write";
  return entries.length > 0 ? "read" : null;
}
