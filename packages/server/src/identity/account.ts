import { ApiError, notFound } from "@towermill/contract";
import { isUniqueViolation, sql, type Queryable } from "@towermill/store";
import type { Services } from "../services.ts";
import { audit, globalAudit } from "./audit.ts";
import { forgetEveryMember, forgetTokens } from "./invalidate.ts";
import { freeAccountName, removeMember, usernamesAreAutomated } from "./membership.ts";
import { hashPassword } from "./password.ts";
import { endSessions, tokenHashes } from "./token-store.ts";
import { renameUserInItems } from "./workspace-tables.ts";

type Optional<T> = T | null | undefined;

export interface NewAccount {
  email: string;
  /** Without one the account cannot log in with a password until one is set. */
  password?: Optional<string>;
  super_admin: boolean;
  name?: Optional<string>;
  company?: Optional<string>;
  username?: Optional<string>;
  login_type?: Optional<string>;
}

export interface AccountChange {
  is_super_admin?: Optional<boolean>;
  is_devops?: Optional<boolean>;
  name?: Optional<string>;
  disabled?: Optional<boolean>;
}

/** @throws ApiError `already_exists` */
export async function createAccount({ db }: Services, account: NewAccount, by: string): Promise<void> {
  const { email } = account;
  const hashed = account.password ? await hashPassword(account.password) : null;
  await db.transaction(async (tx) => {
    const automated = (await usernamesAreAutomated(tx)) ? await freeAccountName(tx, email) : null;
    try {
      await tx.execute(sql`
        insert into account (email, login_type, password_hash, super_admin, name, company, username, first_time_user)
        values (${email}, ${account.login_type ?? "password"}, ${hashed}, ${account.super_admin}, ${account.name ?? null},
                ${account.company ?? null}, ${account.username ?? automated}, false)`);
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      const what = isUniqueViolation(error, "account_pkey")
        ? `the email address ${email}`
        : `the username ${account.username ?? automated}`;
      throw new ApiError("already_exists", `An account with ${what} already exists`);
    }
    await audit(tx, {
      workspace: globalAudit,
      username: by,
      operation: "users.add_global",
      actionKind: "Created",
      resource: email,
    });
  });
}

/** An instance nobody can administer cannot be repaired from within. @throws ApiError `bad_request` */
async function requireSuperAdminLeft(tx: Queryable): Promise<void> {
  // Two admins who demote each other at once must not both succeed.
  await tx.query(sql`select pg_advisory_xact_lock(hashtextextended('towermill super admins', 0))`);
  const { left } = await tx.one<{ left: boolean }>(
    sql`select exists (select from account where super_admin and not disabled) as left`,
  );
  if (!left) throw new ApiError("bad_request", "This is the last super admin who can log in: make another one first");
}

/** @throws ApiError `not_found`; `bad_request` when no super admin would be left */
export async function updateAccount(
  { db, bus }: Services,
  { email, change, by }: { email: string; change: AccountChange; by: string },
): Promise<void> {
  const hashes = await db.transaction(async (tx) => {
    const changed = await tx.execute(sql`
      update account set super_admin = coalesce(${change.is_super_admin}, super_admin), devops = coalesce(${change.is_devops}, devops),
        name = coalesce(${change.name}, name), disabled = coalesce(${change.disabled}, disabled)
      where email = ${email}`);
    if (changed === 0) throw notFound("User", email);
    await requireSuperAdminLeft(tx);
    await audit(tx, {
      workspace: globalAudit,
      username: by,
      operation: "users.update",
      actionKind: "Updated",
      resource: email,
      parameters: { ...change },
    });
    const known = await tokenHashes(tx, email);
    if (change.disabled || change.is_super_admin === false) await endSessions(tx, email);
    return known;
  });
  forgetTokens(bus, hashes);
}

/** Deletes an account, its tokens and memberships. @throws as `updateAccount` */
export async function deleteAccount({ db, bus }: Services, email: string, by: string): Promise<void> {
  const hashes = await db.transaction(async (tx) => {
    const tokens = await tokenHashes(tx, email);
    if ((await tx.execute(sql`delete from account where email = ${email}`)) === 0) throw notFound("User", email);
    await requireSuperAdminLeft(tx);
    const memberships = await tx.query<{ workspace_id: string; username: string }>(
      sql`select workspace_id, username from member where email = ${email}`,
    );
    for (const { workspace_id, username } of memberships) await removeMember(tx, workspace_id, username);
    await tx.execute(sql`delete from workspace_invite where email = ${email}`);
    await audit(tx, {
      workspace: globalAudit,
      username: by,
      operation: "account.delete",
      actionKind: "Delete",
      resource: email,
    });
    return tokens;
  });
  forgetTokens(bus, hashes);
  forgetEveryMember(bus);
}

async function renameInWorkspace(tx: Queryable, workspace: string, names: { from: string; to: string }): Promise<void> {
  const where = sql`workspace_id = ${workspace} and username = ${names.from}`;
  await tx.execute(sql`update member set username = ${names.to} where ${where}`);
  await tx.execute(sql`update group_member set username = ${names.to} where ${where}`);
  await tx.execute(sql`update favorite set username = ${names.to} where ${where}`);
  await renameUserInItems(tx, workspace, names);
}

/**
 * Gives an account another username, in every workspace, and moves what lies under `u/{username}/`. Code that names
 * these paths is not rewritten.
 * @throws ApiError `not_found`; `already_exists` when the name is taken anywhere
 */
export async function renameAccount(
  { db, bus }: Services,
  { email, username, by }: { email: string; username: string; by: string },
): Promise<void> {
  const hashes = await db.transaction(async (tx) => {
    try {
      const changed = await tx.execute(sql`update account set username = ${username} where email = ${email}`);
      if (changed === 0) throw notFound("User", email);
      const memberships = await tx.query<{ workspace_id: string; username: string }>(
        sql`select workspace_id, username from member where email = ${email} and username <> ${username}`,
      );
      for (const { workspace_id, username: from } of memberships) {
        await renameInWorkspace(tx, workspace_id, { from, to: username });
      }
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new ApiError("already_exists", `The username ${username}, or an item below u/${username}/, already exists`);
    }
    await audit(tx, {
      workspace: globalAudit,
      username: by,
      operation: "users.update",
      actionKind: "Updated",
      resource: email,
      parameters: { new_username: username },
    });
    return tokenHashes(tx, email);
  });
  forgetTokens(bus, hashes);
  forgetEveryMember(bus);
}
