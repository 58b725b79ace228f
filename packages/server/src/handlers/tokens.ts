import { ApiError, notFound, scopeDomains, type tokenOperations } from "@towermill/contract";
import { sql, type Sql } from "@towermill/store";
import type { Handlers } from "../http/call.ts";
import { limitTo } from "../http/page.ts";
import { accountOf, wholeAccountOf } from "../identity/actor.ts";
import { audit, globalAudit } from "../identity/audit.ts";
import type { AccountCaller } from "../identity/caller.ts";
import { forgetTokens } from "../identity/invalidate.ts";
import { listedColumns, listedTokenJson, type ListedToken } from "../identity/listed-token.ts";
import { mayEnter, narrowScopes, narrowToken } from "../identity/token-rights.ts";
import { insertToken } from "../identity/token-store.ts";
import type { Services } from "../services.ts";

/** The caller's own tokens; with a token made for one workspace only those of that workspace. */
function ownedBy({ account, tokenWorkspace }: AccountCaller): Sql {
  return tokenWorkspace === null
    ? sql`email = ${account.email}`
    : sql`email = ${account.email} and workspace_id = ${tokenWorkspace}`;
}

async function changeTokens(
  { db, bus }: Services,
  caller: AccountCaller,
  { prefix, set }: { prefix: string; set: Sql | "delete" },
) {
  const which = sql`prefix = ${prefix} and ${ownedBy(caller)}`;
  const hashes = await db.transaction(async (tx) => {
    const rows = await tx.query<{ hash: Buffer }>(
      set === "delete"
        ? sql`delete from token where ${which} returning hash`
        : sql`update token set ${set} where ${which} returning hash`,
    );
    if (rows.length === 0) throw notFound("Token", prefix);
    const deleted = set === "delete";
    await audit(tx, {
      workspace: globalAudit,
      username: caller.account.email,
      operation: deleted ? "users.token.delete" : "users.token.update",
      actionKind: deleted ? "Delete" : "Updated",
      resource: prefix,
    });
    return rows.map((row) => row.hash);
  });
  forgetTokens(bus, hashes);
}

const actions = { read: "Read", write: "Write" } as const;

/** Every scope by domain, as pickers show them. */
function availableScopes() {
  return scopeDomains.map((name) => {
    const plain = Object.entries(actions).map(([action, label]) => ({
      value: `${name}:${action}`,
      label,
      requires_resource_path: false,
    }));
    const runs = [
      { value: "jobs:run", label: "Run anything", requires_resource_path: false },
      { value: "jobs:run:scripts", label: "Run scripts", requires_resource_path: true },
      { value: "jobs:run:flows", label: "Run flows", requires_resource_path: true },
    ];
    return { name, scopes: name === "jobs" ? [...plain, ...runs] : plain };
  });
}

function requireFuture(expiration: Date | null, { clock }: Services): void {
  if (expiration && expiration <= clock.now()) throw new ApiError("bad_request", "body.expiration: lies in the past");
}

function makers(services: Services): Pick<Handlers<typeof tokenOperations>, "createToken" | "createTokenImpersonate"> {
  const { db } = services;
  return {
    async createToken({ caller, body }) {
      const account = accountOf(caller);
      const { email } = account.account;
      const token = await narrowToken(db, account, body);
      requireFuture(token.expiration, services);
      return db.transaction(async (tx) => {
        const text = await insertToken(tx, { ...token, email, label: body.label ?? null });
        const resource = text.slice(0, 10);
        const parameters = { label: body.label ?? undefined, workspace_id: token.workspace ?? undefined };
        await audit(tx, {
          workspace: globalAudit,
          username: email,
          operation: "users.token.create",
          actionKind: "Created",
          resource,
          parameters,
        });
        return text;
      });
    },
    async createTokenImpersonate({ caller, body }) {
      const own = wholeAccountOf(caller);
      const email = body.impersonate_email;
      const account = await db.maybe<{ super_admin: boolean }>(
        sql`select super_admin from account where email = ${email} and not disabled`,
      );
      if (!account) throw notFound("User", email);
      const workspace = body.workspace_id ?? null;
      if (workspace !== null && !(await mayEnter(db, { email, superAdmin: account.super_admin }, workspace))) {
        throw new ApiError("bad_request", `${email} is not a member of the workspace ${workspace}`);
      }
      const { scopes, readOnly, expiration } = await narrowToken(db, own, { expiration: body.expiration });
      requireFuture(expiration, services);
      return db.transaction(async (tx) => {
        const text = await insertToken(tx, {
          email,
          label: body.label ?? null,
          expiration,
          scopes,
          workspace,
          readOnly,
        });
        const by = own.account.email;
        await audit(tx, {
          workspace: globalAudit,
          username: by,
          operation: "users.impersonate",
          actionKind: "Created",
          resource: email,
        });
        return text;
      });
    },
  };
}

export function tokenHandlers(services: Services): Handlers<typeof tokenOperations> {
  const { db, clock } = services;
  return {
    ...makers(services),
    async deleteToken({ caller, params }) {
      await changeTokens(services, accountOf(caller), { prefix: params.token_prefix, set: "delete" });
      return "token deleted";
    },
    async updateTokenScopes({ caller, params, body }) {
      const own = accountOf(caller);
      const scopes = narrowScopes(own, body.scopes);
      await changeTokens(services, own, { prefix: params.token_prefix, set: sql`scopes = ${scopes}` });
      return "token scopes updated";
    },
    async updateTokenLabel({ caller, params, body }) {
      await changeTokens(services, accountOf(caller), {
        prefix: params.token_prefix,
        set: sql`label = ${body.label ?? null}`,
      });
      return "token label updated";
    },
    async listTokens({ caller, query }) {
      const rows = await db.query<ListedToken>(sql`
        select ${listedColumns} from token
        where ${ownedBy(accountOf(caller))} and (expiration is null or expiration > ${clock.now()})
          and (${query.exclude_ephemeral !== true} or label is null or not starts_with(label, 'ephemeral'))
        order by created_at desc ${limitTo(query)}`);
      return rows.map(listedTokenJson);
    },
    listAvailableScopes: async () => availableScopes(),
  };
}
