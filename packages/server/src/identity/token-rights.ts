import { ApiError } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import type { AccountCaller } from "./caller.ts";

export interface WantedToken {
  expiration?: Date | null | undefined;
  scopes?: readonly string[] | null | undefined;
  workspace_id?: string | null | undefined;
  read_only?: boolean | null | undefined;
}

/** Scopes that take rights away rather than give them: a token made by one that has them keeps them. */
function restricts(scope: string): boolean {
  return scope.startsWith("if_jobs:") || scope === "app_embed" || scope === "raw_app_sdk";
}

/**
 * Scopes for a token that `caller` makes or changes: at most the caller's own, and those when none are named.
 * @throws ApiError `forbidden`
 */
export function narrowScopes(
  caller: AccountCaller,
  wanted: readonly string[] | null | undefined,
): readonly string[] | null {
  const own = caller.scopes;
  if (own === null) return wanted ?? null;
  if (!wanted) return own;
  const beyond = wanted.filter((scope) => !own.includes(scope));
  if (beyond.length > 0) {
    throw new ApiError("forbidden", `This token cannot give scopes that it does not have: ${beyond.join(", ")}`);
  }
  return [...new Set([...wanted, ...own.filter(restricts)])];
}

async function latestExpiration(db: Queryable, caller: AccountCaller): Promise<Date | null> {
  if (caller.scopes === null && caller.tokenWorkspace === null) return null;
  const row = await db.maybe<{ expiration: Date | null }>(
    sql`select expiration from token where hash = ${caller.tokenHash}`,
  );
  return row?.expiration ?? null;
}

async function isMember(db: Queryable, email: string, workspace: string): Promise<boolean> {
  const row = await db.maybe(sql`
    select from member m join workspace w on w.id = m.workspace_id
    where m.workspace_id = ${workspace} and m.email = ${email} and not m.disabled and not w.deleted`);
  return row !== undefined;
}

/** Whether a workspace exists that an account is in; a super admin is in all. */
export async function mayEnter(
  db: Queryable,
  account: { email: string; superAdmin: boolean },
  workspace: string,
): Promise<boolean> {
  if (!account.superAdmin) return isMember(db, account.email, workspace);
  return (await db.maybe(sql`select from workspace where id = ${workspace} and not deleted`)) !== undefined;
}

/**
 * What a token that `caller` makes may be: never broader than the one it is made with, in scopes, workspace or writing,
 * and, if that is restricted, not for longer.
 * @throws ApiError `forbidden`, `bad_request`
 */
export async function narrowToken(db: Queryable, caller: AccountCaller, wanted: WantedToken) {
  const workspace = wanted.workspace_id ?? caller.tokenWorkspace;
  if (caller.tokenWorkspace !== null && workspace !== caller.tokenWorkspace) {
    throw new ApiError(
      "forbidden",
      `This token is only for the workspace ${caller.tokenWorkspace}, and so are those made with it`,
    );
  }
  if (workspace !== null && !(await mayEnter(db, caller.account, workspace))) {
    throw new ApiError("forbidden", `Not a member of workspace ${workspace}, or it does not exist`);
  }
  const latest = await latestExpiration(db, caller);
  const expiration = wanted.expiration ?? latest;
  return {
    scopes: narrowScopes(caller, wanted.scopes),
    workspace,
    readOnly: caller.readOnly || wanted.read_only === true,
    expiration: latest && expiration && expiration > latest ? latest : expiration,
  };
}
