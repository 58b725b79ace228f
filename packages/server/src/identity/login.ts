import { createHash } from "node:crypto";
import { ApiError } from "@towermill/contract";
import { sql, type Database, type Queryable } from "@towermill/store";
import type { Services } from "../services.ts";
import { audit, globalAudit } from "./audit.ts";
import { hashPassword, needsRehash, verifyPassword } from "./password.ts";
import { insertSession } from "./token-store.ts";

interface LoginRow {
  password_hash: string | null;
  disabled: boolean;
  super_admin: boolean;
}

const freeAttempts = 10;
const window = sql`interval '10 minutes'`;

// The text of an unknown "email" may be anything, a mistyped password included: only its hash is kept.
function subjectOf(email: string): string {
  return `login:${createHash("sha256").update(email).digest("hex")}`;
}

/**
 * Counts this attempt before it is decided, under a lock, so that attempts sent together count as well. After ten
 * within ten minutes the next is let through 15 s after the last, then 30 s, 60 s… Unknown accounts are counted alike.
 * @throws ApiError `too_many`
 */
async function countAttempt(db: Database, subject: string): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query(sql`select pg_advisory_xact_lock(hashtextextended(${subject}, 0))`);
    const { recent, since } = await tx.one<{ recent: number; since: number | null }>(sql`
      select count(*)::int as recent, extract(epoch from clock_timestamp() - max(at))::float8 as since
      from login_failure where subject = ${subject} and at > clock_timestamp() - ${window}`);
    const pause = recent < freeAttempts ? 0 : Math.min(600, 15 * 2 ** Math.min(recent - freeAttempts, 10));
    if (since !== null && since < pause) {
      throw new ApiError(
        "too_many",
        `Too many failed logins for this account: try again in ${Math.ceil(pause - since)} seconds`,
      );
    }
    await tx.execute(sql`insert into login_failure (subject, at) values (${subject}, clock_timestamp())`);
    await tx.execute(sql`
      delete from login_failure where ctid = any(array(
        select ctid from login_failure where at < clock_timestamp() - interval '1 hour' limit 500 for update skip locked))`);
  });
}

/** Whether an admin switched password logins off; super admins may always use theirs, or nobody could switch it back. */
export async function passwordLoginDisabled(db: Queryable): Promise<boolean> {
  const row = await db.maybe<{ value: unknown }>(
    sql`select value from global_setting where name = 'disable_password_login'`,
  );
  return row?.value === true;
}

async function succeed(services: Services, email: string, newHash: string | null): Promise<string> {
  return services.db.transaction(async (tx) => {
    await tx.execute(sql`delete from login_failure where subject = ${subjectOf(email)}`);
    if (newHash !== null) await tx.execute(sql`update account set password_hash = ${newHash} where email = ${email}`);
    const token = await insertSession(tx, email, services.clock.now());
    await audit(tx, {
      workspace: globalAudit,
      username: email,
      operation: "users.login",
      actionKind: "Execute",
      resource: email,
    });
    return token;
  });
}

/**
 * Checks a password and opens a session.
 * @returns the session's token
 * @throws ApiError `login_failed`, the same for an unknown account, a wrong password and a disabled account; `too_many`
 */
export async function login(services: Services, credentials: { email: string; password: string }): Promise<string> {
  const { db } = services;
  const email = credentials.email.trim().toLowerCase();
  await countAttempt(db, subjectOf(email));
  const known = /[\0\p{Cs}]/u.test(email)
    ? undefined
    : await db.maybe<LoginRow>(sql`select password_hash, disabled, super_admin from account where email = ${email}`);
  const matches = await verifyPassword(known?.password_hash ?? null, credentials.password);
  const permitted = known && !known.disabled && (known.super_admin || !(await passwordLoginDisabled(db)));
  if (!matches || !permitted) {
    const who = known ? email : "unknown account";
    await audit(db, {
      workspace: globalAudit,
      username: who,
      operation: "users.login_failure",
      actionKind: "Execute",
      resource: who,
    });
    throw new ApiError("login_failed", "Invalid login: the email address or the password is wrong");
  }
  const outdated = known.password_hash !== null && needsRehash(known.password_hash);
  return succeed(services, email, outdated ? await hashPassword(credentials.password) : null);
}
