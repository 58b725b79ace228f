import { ApiError, notFound, type loginOperations } from "@towermill/contract";
import { sql } from "@towermill/store";
import type { Handlers } from "../http/call.ts";
import { credentialsOf, requireSameOrigin } from "../http/credentials.ts";
import { accountOf, unrestrictedAccountOf } from "../identity/actor.ts";
import { audit, globalAudit } from "../identity/audit.ts";
import { forgetTokens } from "../identity/invalidate.ts";
import { login, passwordLoginDisabled } from "../identity/login.ts";
import { hashPassword, requireGoodPassword } from "../identity/password.ts";
import { endSessions, insertSession, sessionCookie, sessionLabel } from "../identity/token-store.ts";
import type { Services } from "../services.ts";

function withCookie(text: string, token: string, baseUrl: string): Response {
  return new Response(text, {
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      "set-cookie": sessionCookie(token, baseUrl),
    },
  });
}

interface PasswordChange {
  email: string;
  password: string;
  /** Who changes it. */
  by: string;
  /** The session to keep. */
  keep: Buffer | null;
}

async function changePassword({ db, bus }: Services, { email, password, by, keep }: PasswordChange): Promise<void> {
  requireGoodPassword(password);
  const hashed = await hashPassword(password);
  const ended = await db.transaction(async (tx) => {
    const changed = await tx.execute(sql`
      update account set password_hash = ${hashed}, first_time_user = false where email = ${email}`);
    if (changed === 0) throw notFound("User", email);
    await audit(tx, {
      workspace: globalAudit,
      username: by,
      operation: "users.setpassword",
      actionKind: "Updated",
      resource: email,
    });
    return endSessions(tx, email, keep);
  });
  forgetTokens(bus, ended);
}

/** Session behind the current token: kept valid for a minute after it was replaced, for requests under way. */
async function replaceSession(
  { db, clock }: Services,
  hash: Buffer,
  renewBelowS: number | undefined,
): Promise<string | null> {
  return db.transaction(async (tx) => {
    // Anybody may label a token `session`: one with fewer rights than a session must not become one.
    const row = await tx.maybe<{ email: string; expiration: Date | null }>(sql`
      select email, expiration from token where hash = ${hash} and label = ${sessionLabel}
        and scopes is null and workspace_id is null and not read_only for update`);
    if (!row) throw new ApiError("bad_request", "Only the token of a session can be refreshed");
    const leftMs = row.expiration ? row.expiration.getTime() - clock.now().getTime() : Infinity;
    if (renewBelowS !== undefined && leftMs > renewBelowS * 1000) return null;
    const soon = new Date(clock.now().getTime() + 60_000);
    await tx.execute(sql`update token set expiration = least(expiration, ${soon}) where hash = ${hash}`);
    return insertSession(tx, row.email, clock.now());
  });
}

export function loginHandlers(services: Services): Handlers<typeof loginOperations> {
  const { db, bus, baseUrl } = services;
  return {
    async login({ body, request, address }) {
      requireSameOrigin(request, baseUrl);
      const token = await login(services, { ...body, address });
      return withCookie(token, token, baseUrl);
    },
    async logout({ caller, request }) {
      requireSameOrigin(request, baseUrl);
      if (caller.kind === "account") {
        const { email } = caller.account;
        const ended = await db.execute(
          sql`delete from token where hash = ${caller.tokenHash} and label = ${sessionLabel}`,
        );
        forgetTokens(bus, [caller.tokenHash]);
        if (ended > 0) {
          await audit(db, {
            workspace: globalAudit,
            username: email,
            operation: "users.logout",
            actionKind: "Execute",
            resource: email,
          });
        }
      }
      return withCookie("logged out", "", baseUrl);
    },
    isPasswordLoginDisabled: () => passwordLoginDisabled(db),
    async setPassword({ caller, body }) {
      const { account, tokenHash } = unrestrictedAccountOf(caller);
      await changePassword(services, {
        email: account.email,
        password: body.password,
        by: account.email,
        keep: tokenHash,
      });
      return "password updated";
    },
    async setPasswordForUser({ caller, params, body }) {
      const by = unrestrictedAccountOf(caller).account.email;
      await changePassword(services, { email: params.user.toLowerCase(), password: body.password, by, keep: null });
      return "password updated";
    },
    async refreshUserToken({ caller, query, request, search }) {
      const { tokenHash } = accountOf(caller);
      const token = await replaceSession(services, tokenHash, query.if_expiring_in_less_than_s);
      if (token === null) return credentialsOf(request, search).token;
      forgetTokens(bus, [tokenHash]);
      return withCookie(token, token, baseUrl);
    },
  };
}
