import { randomToken } from "@towermill/queue";
import { sql } from "@towermill/store";
import type { Services } from "../services.ts";
import { addMember } from "./membership.ts";
import { hashPassword, shortestPassword } from "./password.ts";

export interface FirstAdmin {
  email: string;
  /** Only when it was made up just now: the program shows it once and keeps it. */
  password?: string;
}

/**
 * Makes sure that the instance has a super admin who is an admin of the workspace `admins`. When there is one already
 * nothing changes, whatever is passed. Several servers may start at once: one of them makes the account.
 * @throws Error when the password is too short
 */
export async function ensureFirstAdmin(
  { db }: Pick<Services, "db">,
  { email, password }: { email: string; password: string | undefined },
): Promise<FirstAdmin> {
  const existing = sql`select email from account where super_admin and not disabled order by created_at limit 1`;
  const found = await db.maybe<{ email: string }>(existing);
  if (found) return { email: found.email };
  if (password !== undefined && password.length < shortestPassword) {
    throw new Error(`The password of the first admin is too short: use at least ${shortestPassword} characters`);
  }
  const chosen = password ?? randomToken(20);
  const hashed = await hashPassword(chosen);
  const address = email.trim().toLowerCase();
  return db.transaction(async (tx) => {
    await tx.query(sql`select pg_advisory_xact_lock(hashtextextended('towermill first admin', 0))`);
    const other = await tx.maybe<{ email: string }>(existing);
    if (other) return { email: other.email };
    await tx.execute(sql`
      insert into account (email, password_hash, super_admin, first_time_user, username)
      values (${address}, ${hashed}, true, true,
              (select 'admin' where not exists (select from account where username = 'admin')))
      on conflict (email) do update set password_hash = excluded.password_hash, super_admin = true, disabled = false`);
    const workspace = "admins";
    const member = await tx.execute(sql`
      update member set is_admin = true, operator = false, disabled = false
      where workspace_id = ${workspace} and email = ${address}`);
    if (member === 0) await addMember(tx, { workspace, email: address, isAdmin: true, operator: false });
    return password === undefined ? { email: address, password: chosen } : { email: address };
  });
}
