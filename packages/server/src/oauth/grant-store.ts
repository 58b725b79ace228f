import { createHash } from "node:crypto";
import { hashToken, randomToken } from "@towermill/queue";
import { sql, type Queryable } from "@towermill/store";
import { insertToken } from "../identity/token-store.ts";
import { forgetTokens } from "../identity/invalidate.ts";
import type { Services } from "../services.ts";
import { OAuthRefusal } from "./error.ts";

const codeMinutes = 5;
const accessHours = 1;
const refreshDays = 30;

export interface NewGrant {
  clientId: string;
  clientName: string;
  email: string;
  resource: string;
  workspace: string | null;
  scopes: string[];
  readOnly: boolean;
  redirectUri: string;
  codeChallenge: string;
}

/** Writes down a consent. @returns the code that the client redeems, once, within five minutes */
export async function insertGrant({ db }: Services, grant: NewGrant): Promise<string> {
  const code = randomToken(48);
  await db.execute(sql`
    with made as (
      insert into oauth_grant (client_id, client_name, email, resource, workspace_id, scopes, read_only)
      values (${grant.clientId}, ${grant.clientName}, ${grant.email}, ${grant.resource}, ${grant.workspace}, ${grant.scopes}, ${grant.readOnly})
      returning id)
    insert into oauth_code (hash, grant_id, redirect_uri, code_challenge, expires_at)
    select ${hashToken(code)}, id, ${grant.redirectUri}, ${grant.codeChallenge}, now() + ${`${codeMinutes} minutes`}::interval from made`);
  return code;
}

/** Ends a consent with every token it gave. @returns hashes of the access tokens, for the caches to forget */
async function deleteGrant(tx: Queryable, id: string): Promise<Buffer[]> {
  const rows = await tx.query<{ hash: Buffer }>(sql`
    delete from token where hash in (select hash from oauth_token where grant_id = ${id}) returning hash`);
  await tx.execute(sql`delete from oauth_grant where id = ${id}`);
  return rows.map((row) => row.hash);
}

/** Ends a consent; `email` must be whose it is. @returns whether there was one */
export async function revokeGrant(
  { db, bus }: Services,
  { id, email }: { id: string; email: string | null },
): Promise<boolean> {
  const hashes = await db.transaction(async (tx) => {
    const found = await tx.maybe(
      sql`select from oauth_grant where id = ${id} and (${email}::text is null or email = ${email}) for update`,
    );
    return found ? deleteGrant(tx, id) : null;
  });
  if (hashes) forgetTokens(bus, hashes);
  return hashes !== null;
}

interface GrantRow {
  id: string;
  client_id: string;
  client_name: string;
  email: string;
  resource: string;
  workspace_id: string | null;
  scopes: string[];
  read_only: boolean;
}

interface CodeRow extends GrantRow {
  redirect_uri: string;
  code_challenge: string;
  used: boolean;
  expired: boolean;
}

type RefreshRow = Omit<CodeRow, "redirect_uri" | "code_challenge">;

const grantColumns = sql`g.id, g.client_id, g.client_name, g.email, g.resource, g.workspace_id, g.scopes, g.read_only`;

async function issue(tx: Queryable, grant: GrantRow) {
  const expiration = new Date(Date.now() + accessHours * 3_600_000);
  const { email, workspace_id: workspace, scopes, read_only: readOnly } = grant;
  const access = await insertToken(tx, {
    email,
    label: `mcp: ${grant.client_name}`.slice(0, 200),
    expiration,
    scopes,
    workspace,
    readOnly,
  });
  const refresh = randomToken(48);
  await tx.execute(sql`insert into oauth_token (hash, grant_id) values (${hashToken(access)}, ${grant.id})`);
  await tx.execute(sql`insert into oauth_refresh (hash, grant_id, expires_at)
    values (${hashToken(refresh)}, ${grant.id}, now() + ${`${refreshDays} days`}::interval)`);
  await tx.execute(sql`update oauth_grant set last_used_at = now() where id = ${grant.id}`);
  return {
    access_token: access,
    token_type: "Bearer",
    expires_in: accessHours * 3600,
    refresh_token: refresh,
    scope: scopes.join(" "),
  };
}

export type Tokens = Awaited<ReturnType<typeof issue>>;

function verifierFits(challenge: string, verifier: string): boolean {
  return (
    /^[A-Za-z0-9._~-]{43,128}$/.test(verifier) &&
    createHash("sha256").update(verifier).digest("base64url") === challenge
  );
}

export interface CodeExchange {
  code: string;
  clientId: string;
  redirectUri: string;
  verifier: string;
  resource: string | null;
}

const spent = (what: string): OAuthRefusal =>
  new OAuthRefusal("invalid_grant", `${what}: is unknown, expired or used already`);

/** Redeems a code. One that is redeemed twice was stolen: everything it gave ends. @throws OAuthRefusal */
export async function redeemCode(services: Services, asked: CodeExchange): Promise<Tokens> {
  const outcome = await services.db.transaction(async (tx) => {
    const row = await tx.maybe<CodeRow>(sql`
      select ${grantColumns}, c.redirect_uri, c.code_challenge, c.used, c.expires_at < now() as expired
      from oauth_code c join oauth_grant g on g.id = c.grant_id where c.hash = ${hashToken(asked.code)} for update of c`);
    if (!row || row.client_id !== asked.clientId) return spent("code");
    if (row.used) return { stolen: await deleteGrant(tx, row.id) };
    if (row.expired) return spent("code");
    if (row.redirect_uri !== asked.redirectUri)
      return new OAuthRefusal("invalid_grant", "redirect_uri: is not the one the code was asked with");
    if (!verifierFits(row.code_challenge, asked.verifier))
      return new OAuthRefusal("invalid_grant", "code_verifier: does not fit the challenge");
    if (asked.resource !== null && asked.resource !== row.resource)
      return new OAuthRefusal("invalid_target", "resource: is not the one the code was asked with");
    await tx.execute(sql`update oauth_code set used = true where hash = ${hashToken(asked.code)}`);
    return issue(tx, row);
  });
  return settled(services, outcome, "code");
}

/** Exchanges a refresh token for a new pair. One that is used twice was stolen: its whole family ends. @throws OAuthRefusal */
export async function refreshTokens(
  services: Services,
  { refresh, clientId }: { refresh: string; clientId: string },
): Promise<Tokens> {
  const outcome = await services.db.transaction(async (tx) => {
    const row = await tx.maybe<RefreshRow>(sql`
      select ${grantColumns}, r.used, r.expires_at < now() as expired
      from oauth_refresh r join oauth_grant g on g.id = r.grant_id where r.hash = ${hashToken(refresh)} for update of r, g`);
    if (!row || row.client_id !== clientId) return spent("refresh_token");
    if (row.used) return { stolen: await deleteGrant(tx, row.id) };
    if (row.expired || !(await stillThere(tx, row))) return spent("refresh_token");
    await tx.execute(sql`update oauth_refresh set used = true where hash = ${hashToken(refresh)}`);
    return issue(tx, row);
  });
  return settled(services, outcome, "refresh_token");
}

async function stillThere(tx: Queryable, { email, workspace_id: workspace }: GrantRow): Promise<boolean> {
  const row = await tx.maybe(sql`select from account a where a.email = ${email} and not a.disabled
    and (${workspace}::text is null or exists (select from workspace w where w.id = ${workspace} and not w.deleted))`);
  return row !== undefined;
}

function settled({ bus }: Services, outcome: Tokens | OAuthRefusal | { stolen: Buffer[] }, what: string): Tokens {
  if (outcome instanceof OAuthRefusal) throw outcome;
  if (!("stolen" in outcome)) return outcome;
  forgetTokens(bus, outcome.stolen);
  throw spent(what);
}

/** Revokes by a token of either kind (RFC 7009); an unknown one is as good as revoked. */
export async function revokeByToken(services: Services, token: string): Promise<void> {
  const hash = hashToken(token);
  const row = await services.db.maybe<{ grant_id: string }>(sql`
    select grant_id from oauth_refresh where hash = ${hash} union select grant_id from oauth_token where hash = ${hash}`);
  if (row) await revokeGrant(services, { id: row.grant_id, email: null });
}

export interface ConnectedClient {
  id: string;
  client_name: string;
  client_id: string;
  resource: string;
  workspace_id?: string;
  scopes: string[];
  created_at: string;
  last_used_at: string;
}

/** The clients an account has let in, those used last first. */
export async function connectedClients({ db }: Services, email: string): Promise<ConnectedClient[]> {
  const rows = await db.query<GrantRow & { created_at: Date; used_at: Date }>(sql`
    select ${grantColumns}, g.created_at,
      greatest(g.last_used_at, (select max(t.last_used_at) from oauth_token o join token t using (hash) where o.grant_id = g.id)) as used_at
    from oauth_grant g where g.email = ${email} and exists (select from oauth_refresh r where r.grant_id = g.id)
    order by used_at desc`);
  return rows.map((row) => ({
    id: row.id,
    client_name: row.client_name,
    client_id: row.client_id,
    resource: row.resource,
    ...(row.workspace_id === null ? {} : { workspace_id: row.workspace_id }),
    scopes: row.scopes,
    created_at: row.created_at.toISOString(),
    last_used_at: row.used_at.toISOString(),
  }));
}
