import { ApiError, folderAccess, notFound, principals, type Acl, type Member } from "@towermill/contract";
import { isUniqueViolation, sql, type Queryable } from "@towermill/store";

type Optional<T> = T | null | undefined;

export interface FolderContent {
  display_name?: Optional<string>;
  summary?: Optional<string>;
  owners?: Optional<readonly string[]>;
  extra_perms?: Optional<Acl>;
  default_permissioned_as?: Optional<readonly { path_glob: string; permissioned_as: string }[]>;
  labels?: Optional<readonly string[]>;
}

export interface FolderRow {
  name: string;
  display_name: string | null;
  summary: string | null;
  owners: string[];
  extra_perms: Acl;
  default_permissioned_as: { path_glob: string; permissioned_as: string }[] | null;
  labels: string[] | null;
  created_by: string | null;
  edited_at: Date;
}

export const folderColumns = sql`name, display_name, summary, owners, extra_perms, default_permissioned_as, labels, created_by, edited_at`;

/** A folder the member may see. @throws ApiError `not_found`, also for one that is hidden from the member */
export async function readableFolder(db: Queryable, member: Member, name: string): Promise<FolderRow> {
  const row = await db.maybe<FolderRow>(
    sql`select ${folderColumns} from folder where workspace_id = ${member.workspace} and name = ${name}`,
  );
  if (!row || !(member.isAdmin || folderAccess(row, principals(member)))) throw notFound("Folder", name);
  return row;
}

/** A folder the member owns, locked. @throws ApiError `not_found`, `forbidden` */
export async function ownedFolder(tx: Queryable, member: Member, name: string): Promise<FolderRow> {
  await tx.query(sql`select from folder where workspace_id = ${member.workspace} and name = ${name} for update`);
  const row = await readableFolder(tx, member, name);
  if (!member.isAdmin && folderAccess(row, principals(member)) !== "owner") {
    throw new ApiError("forbidden", `u/${member.username} does not own the folder ${name}`);
  }
  return row;
}

type Rules = FolderContent["default_permissioned_as"];

/** Rules say as whom schedules and triggers of the folder run: acting as others is not a folder owner's to give. */
function requireRuleMaker(member: Member, before: Rules, after: Rules): void {
  const listed = (rules: Rules): string =>
    JSON.stringify((rules ?? []).map((rule) => [rule.path_glob, rule.permissioned_as]));
  if (member.isAdmin || member.groups.includes("wm_deployers") || listed(before) === listed(after)) return;
  throw new ApiError("forbidden", "body.default_permissioned_as: only admins and the group wm_deployers may change it");
}

/**
 * Owners and permissions of a new folder: its maker's, and what was asked for. From an admin what was asked for is all, so
 * that a folder that is carried over is the same there; admins need no entry of their own.
 */
function firstAccess(member: Member, { owners, extra_perms }: FolderContent): { owners: string[]; perms: Acl } {
  const me = `u/${member.username}`;
  const named = member.isAdmin && owners ? [...new Set(owners)] : [...new Set([me, ...(owners ?? [])])];
  if (member.isAdmin && owners && extra_perms) return { owners: named, perms: extra_perms };
  const written = Object.fromEntries(named.map((owner) => [owner, true]));
  return { owners: named, perms: { ...written, ...extra_perms, ...(named.includes(me) ? { [me]: true } : {}) } };
}

/**
 * Creates a folder owned by its maker and the owners named, or as an admin asks. Someone who is no admin cannot take over what was left under
 * the name of a deleted folder: that is for admins.
 * @throws ApiError `already_exists`, `forbidden`
 */
export async function createFolder(
  tx: Queryable,
  member: Member,
  { name, content }: { name: string; content: FolderContent },
): Promise<void> {
  requireRuleMaker(member, null, content.default_permissioned_as);
  const { owners, perms } = firstAccess(member, content);
  try {
    await tx.execute(sql`
      insert into folder (workspace_id, name, display_name, summary, owners, extra_perms, default_permissioned_as, labels, created_by)
      values (${member.workspace}, ${name}, ${content.display_name ?? null}, ${content.summary ?? null}, ${owners},
              ${sql.json(perms)}::jsonb, ${sql.json(content.default_permissioned_as ?? undefined)}::jsonb,
              ${content.labels ?? null}, ${member.username})`);
  } catch (error) {
    if (isUniqueViolation(error)) throw new ApiError("already_exists", `The folder ${name} already exists`);
    throw error;
  }
}

/** Sets what is given of a folder; a member who is no admin stays an owner. */
export async function updateFolder(
  tx: Queryable,
  member: Member,
  { name, content }: { name: string; content: FolderContent },
): Promise<void> {
  const before = await ownedFolder(tx, member, name);
  const owners = content.owners ?? before.owners;
  const perms = content.extra_perms ?? before.extra_perms;
  if (!member.isAdmin && !owners.some((owner) => principals(member).includes(owner))) {
    throw new ApiError(
      "bad_request",
      `body.owners: u/${member.username} must stay an owner; ask an admin to take the folder over`,
    );
  }
  const rules =
    content.default_permissioned_as === undefined ? before.default_permissioned_as : content.default_permissioned_as;
  requireRuleMaker(member, before.default_permissioned_as, rules);
  await tx.execute(sql`
    update folder set owners = ${owners}, extra_perms = ${sql.json(perms)}::jsonb,
      summary = ${content.summary === undefined ? before.summary : content.summary},
      display_name = ${content.display_name === undefined ? before.display_name : content.display_name},
      labels = ${content.labels === undefined ? before.labels : content.labels},
      default_permissioned_as = ${sql.json(rules ?? undefined)}::jsonb, edited_at = now()
    where workspace_id = ${member.workspace} and name = ${name}`);
}

/** Adds or removes an owner; owners always have the write permission as well. `write` undefined removes all access. */
export async function changeOwner(
  tx: Queryable,
  member: Member,
  { name, owner, owns, write }: { name: string; owner: string; owns: boolean; write?: boolean | undefined },
): Promise<void> {
  const { owners, extra_perms } = await ownedFolder(tx, member, name);
  const others = owners.filter((other) => other !== owner);
  const { [owner]: _, ...otherPerms } = extra_perms;
  const access = owns ? true : write;
  await updateFolder(tx, member, {
    name,
    content: {
      owners: owns ? [...others, owner] : others,
      extra_perms: access === undefined ? otherPerms : { ...otherPerms, [owner]: access },
    },
  });
}
