import { createHash } from "node:crypto";
import { ApiError } from "@towermill/contract";
import { sql, type Database, type Queryable } from "@towermill/store";
import type { Services } from "../services.ts";
import { addressGroup } from "../http/address.ts";
import { audit, globalAudit } from "./audit.ts";
import { hashPassword, needsRehash, verifyPassword } from "./password.ts";
import { insertSession } from "./token-store.ts";

interface LoginRow {
  password_hash: string | null;
  disabled: boolean;
  super_admin: boolean;
}

/** What attempts are counted by. */
interface Subject {
  key: string;
  /** How errors call it. */
  name: string;
  /** So many failures within ten minutes cost nothing. */
  free: number;
}

const window = sql`interval '10 minutes'`;

// The text of an unknown "email" may be anything, a mistyped password included: only its hash is kept.
function keyOf(kind: "login" | "address", text: string): string {
  return `${kind}:${createHash("sha256").update(text).digest("hex")}`;
}

function accountSubject(email: string): Subject {
  return { key: keyOf("login", email), name: "for this account", free: 10 };
}

function addressSubject(group: string): Subject {
  return { key: keyOf("address", group), name: "from this address", free: 30 };
}

/**
 * Counts this attempt before it is decided, under a lock, so that attempts sent together count as well. After those that
 * are free the next is let through 15 s after the last, then 30 s, 60 s… Unknown accounts are counted alike.
 * @throws ApiError `too_many`
 */
async function countAttempt(db: Database, { key: subject, name, free }: Subject): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query(sql`select pg_advisory_xact_lock(hashtextextended(${subject}, 0))`);
    const { recent, since } = await tx.one<{ recent: number; since: number | null }>(sql`
      select count(*)::int as recent, extract(epoch from clock_timestamp() - max(at))::float8 as since
      from login_failure where subject = ${subject} and at > clock_timestamp() - ${window}`);
    const pause = recent < free ? 0 : Math.min(600, 15 * 2 ** Math.min(recent - free, 10));
    if (since !== null && since < pause) {
      throw new ApiError(
        "too_many",
        `Too many failed logins ${name}: try again in ${Math.ceil(pause - since)} seconds`,
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

/** What is written down of where an attempt came from. */
function origin(address: string | null): { parameters?: { address: string } } {
  return address === null ? {} : { parameters: { address } };
}

/** Takes back what the attempt was counted as: of an address only this one, for others may guess from there. */
async function uncount(tx: Queryable, email: string, group: string | null): Promise<void> {
  await tx.execute(sql`delete from login_failure where subject = ${accountSubject(email).key}`);
  if (group === null) return;
  await tx.execute(sql`
    delete from login_failure where ctid = (
      select ctid from login_failure where subject = ${addressSubject(group).key} order by at desc limit 1)`);
}

async function succeed(
  services: Services,
  { email, address, newHash }: { email: string; address: string | null; newHash: string | null },
): Promise<string> {
  return services.db.transaction(async (tx) => {
    await uncount(tx, email, addressGroup(address));
    if (newHash !== null) await tx.execute(sql`update account set password_hash = ${newHash} where email = ${email}`);
    const token = await insertSession(tx, email, services.clock.now());
    await audit(tx, {
      workspace: globalAudit,
      username: email,
      operation: "users.login",
      actionKind: "Execute",
      resource: email,
      ...origin(address),
    });
    return token;
  });
}

export interface LoginAttempt {
  email: string;
  password: string;
  /** Where it comes from, as far as that is known. */
  address: string | null;
}

/**
 * Checks a password and opens a session. Failures are limited by account and by address.
 * @returns the session's token
 * @throws ApiError `login_failed`, the same for an unknown account, a wrong password and a disabled account; `too_many`
 */
export async function login(services: Services, attempt: LoginAttempt): Promise<string> {
  const { db } = services;
  const { address } = attempt;
  const email = attempt.email.trim().toLowerCase();
  const group = addressGroup(address);
  if (group !== null) await countAttempt(db, addressSubject(group));
  await countAttempt(db, accountSubject(email));
  const known = /[\0\p{Cs}]/u.test(email)
    ? undefined
    : await db.maybe<LoginRow>(sql`select password_hash, disabled, super_admin from account where email = ${email}`);
  const matches = await verifyPassword(known?.password_hash ?? null, attempt.password);
  const permitted = known && !known.disabled && (known.super_admin || !(await passwordLoginDisabled(db)));
  if (!matches || !permitted) {
    const who = known ? email : "unknown account";
    await audit(db, {
      workspace: globalAudit,
      username: who,
      operation: "users.login_failure",
      actionKind: "Execute",
      resource: who,
      ...origin(address),
    });
    throw new ApiError("login_failed", "Invalid login: the email address or the password is wrong");
  }
  const outdated = known.password_hash !== null && needsRehash(known.password_hash);
  return succeed(services, { email, address, newHash: outdated ? await hashPassword(attempt.password) : null });
}
