import { hashToken, randomToken } from "@towermill/queue";
import { sql, type Queryable } from "@towermill/store";

export interface NewToken {
  email: string;
  label: string | null;
  expiration: Date | null;
  /** `null` = every right of the account. */
  scopes: readonly string[] | null;
  workspace: string | null;
  readOnly: boolean;
}

/** What lists show of a token, and what it is deleted by. */
const prefixLength = 10;

/** Label of the tokens that logging in makes. */
export const sessionLabel = "session";

const sessionMs = 30 * 24 * 3600 * 1000;

/** Stores a token's hash. @returns the token: it is not kept and cannot be shown again */
export async function insertToken(db: Queryable, token: NewToken): Promise<string> {
  const text = randomToken();
  await db.execute(sql`
    insert into token (hash, prefix, email, label, expiration, scopes, workspace_id, read_only)
    values (${hashToken(text)}, ${text.slice(0, prefixLength)}, ${token.email}, ${token.label}, ${token.expiration},
            ${token.scopes}, ${token.workspace}, ${token.readOnly})`);
  return text;
}

/** A browser session of an account: every right of it, for 30 days. */
export function insertSession(db: Queryable, email: string, now: Date): Promise<string> {
  const expiration = new Date(now.getTime() + sessionMs);
  return insertToken(db, { email, label: sessionLabel, expiration, scopes: null, workspace: null, readOnly: false });
}

/** @returns hashes of the tokens of an account, for the caches to forget */
export async function tokenHashes(db: Queryable, email: string): Promise<Buffer[]> {
  const rows = await db.query<{ hash: Buffer }>(sql`select hash from token where email = ${email}`);
  return rows.map((row) => row.hash);
}

/** Ends the sessions of an account, `except` one. @returns the hashes of those that ended */
export async function endSessions(db: Queryable, email: string, except: Buffer | null = null): Promise<Buffer[]> {
  const rows = await db.query<{ hash: Buffer }>(sql`
    delete from token where email = ${email} and label = ${sessionLabel} and hash is distinct from ${except}::bytea
    returning hash`);
  return rows.map((row) => row.hash);
}

/** The `Set-Cookie` of a session; an empty token clears it. Kept from other origins' requests and from scripts. */
export function sessionCookie(token: string, baseUrl: string): string {
  const age = token === "" ? 0 : sessionMs / 1000;
  const secure = baseUrl.startsWith("https:") ? "; Secure" : "";
  return `token=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${age}${secure}`;
}
