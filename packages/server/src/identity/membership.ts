import { ApiError } from "@towermill/contract";
import { isUniqueViolation, sql, type Queryable } from "@towermill/store";
import { removePrincipal } from "./workspace-tables.ts";

export interface NewMember {
  workspace: string;
  email: string;
  isAdmin: boolean;
  operator: boolean;
  /** The name wished for; without one, or when names are given out by the instance, it follows from the account. */
  username?: string | null | undefined;
}

function nameFromEmail(email: string): string {
  const local = (email.split("@")[0] ?? "").replace(/[^a-z0-9_-]+/gi, "_").replace(/^[^a-z0-9]+/i, "");
  return local.slice(0, 40) || "user";
}

function firstFree(wanted: string, taken: ReadonlySet<string>): string {
  if (!taken.has(wanted)) return wanted;
  for (let number = 2; ; number += 1) if (!taken.has(`${wanted}${number}`)) return `${wanted}${number}`;
}

/** Whether the instance gives every account one username for all workspaces. */
export async function usernamesAreAutomated(db: Queryable): Promise<boolean> {
  const row = await db.maybe<{ value: unknown }>(
    sql`select value from global_setting where name = 'automate_username_creation'`,
  );
  return row?.value === true;
}

/** A username for an account that no other account has. */
export async function freeAccountName(tx: Queryable, email: string): Promise<string> {
  const wanted = nameFromEmail(email);
  const rows = await tx.query<{ username: string }>(sql`
    select username from account where username is not null and email <> ${email} and starts_with(username, ${wanted})`);
  return firstFree(wanted, new Set(rows.map((row) => row.username)));
}

async function accountName(tx: Queryable, email: string): Promise<string | null> {
  const account = await tx.maybe<{ username: string | null }>(sql`select username from account where email = ${email}`);
  if (!account || account.username !== null) return account?.username ?? null;
  if (!(await usernamesAreAutomated(tx))) return null;
  const username = await freeAccountName(tx, email);
  await tx.execute(sql`update account set username = ${username} where email = ${email}`);
  return username;
}

async function chooseUsername(tx: Queryable, { workspace, email, username }: NewMember): Promise<string> {
  if (username && !(await usernamesAreAutomated(tx))) return username;
  const wanted = (await accountName(tx, email)) ?? nameFromEmail(email);
  const rows = await tx.query<{ username: string }>(sql`
    select username from member where workspace_id = ${workspace} and starts_with(username, ${wanted})`);
  return firstFree(wanted, new Set(rows.map((row) => row.username)));
}

/**
 * Adds a member. The account may be made later: membership goes by email address.
 * @returns the username in the workspace
 * @throws ApiError `already_exists` when the account or the name is in the workspace already
 */
export async function addMember(tx: Queryable, member: NewMember): Promise<string> {
  const username = await chooseUsername(tx, member);
  try {
    await tx.execute(sql`
      insert into member (workspace_id, username, email, is_admin, operator)
      values (${member.workspace}, ${username}, ${member.email}, ${member.isAdmin}, ${member.operator && !member.isAdmin})`);
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const what = isUniqueViolation(error, "member_pkey") ? `the username ${username}` : member.email;
    throw new ApiError("already_exists", `${what} is already in the workspace ${member.workspace}`);
  }
  await tx.execute(sql`
    delete from workspace_invite where workspace_id = ${member.workspace} and email = ${member.email}`);
  return username;
}

/**
 * Removes a member with all access the workspace gave and the tokens made for it. What the member owns stays, for admins.
 * @returns email address and revoked tokens, for the caches; `null` when there is no such member
 */
export async function removeMember(
  tx: Queryable,
  workspace: string,
  username: string,
): Promise<{ email: string; tokens: Buffer[] } | null> {
  const gone = await tx.maybe<{ email: string }>(sql`
    delete from member where workspace_id = ${workspace} and username = ${username} returning email`);
  if (!gone) return null;
  await tx.execute(sql`delete from group_member where workspace_id = ${workspace} and username = ${username}`);
  await removePrincipal(tx, workspace, `u/${username}`);
  const tokens = await tx.query<{ hash: Buffer }>(sql`
    delete from token where workspace_id = ${workspace} and email = ${gone.email} returning hash`);
  return { email: gone.email, tokens: tokens.map((row) => row.hash) };
}
