import { ApiError } from "@towermill/contract";
import type { AccountCaller, Caller } from "./caller.ts";

/** Email address of whoever calls; of a job, that of the member it runs for. @throws ApiError `unauthorized` */
export function emailOf(caller: Caller): string {
  if (caller.kind === "account") return caller.account.email;
  if (caller.kind === "job") return caller.member.email;
  throw new ApiError("unauthorized", "Unauthorized");
}

/** The only workspace the caller's token is good for; `null` = every workspace of the account. */
export function boundWorkspace(caller: Caller): string | null {
  if (caller.kind === "job") return caller.member.workspace;
  return caller.kind === "account" ? caller.tokenWorkspace : null;
}

export function isSuperAdmin(caller: Caller): boolean {
  return caller.kind === "account" && caller.account.superAdmin;
}

/** @throws ApiError `forbidden` when the caller is no account */
export function accountOf(caller: Caller): AccountCaller {
  if (caller.kind !== "account") throw new ApiError("forbidden", "Only the token of an account can be used for this");
  return caller;
}

/**
 * The caller, for what reaches beyond one workspace: a token made for one workspace is not enough, whoever made it.
 * @throws ApiError `forbidden`
 */
export function wholeAccountOf(caller: Caller): AccountCaller {
  const account = accountOf(caller);
  if (account.tokenWorkspace !== null) {
    throw new ApiError(
      "forbidden",
      `This token is only for the workspace ${account.tokenWorkspace}; use one without a workspace`,
    );
  }
  return account;
}

/**
 * The caller, for what would give more rights than a narrowed token has (a new password, a new session).
 * @throws ApiError `forbidden`
 */
export function unrestrictedAccountOf(caller: Caller): AccountCaller {
  const account = wholeAccountOf(caller);
  if (account.scopes !== null) throw new ApiError("forbidden", "A token with scopes cannot be used for this; log in");
  return account;
}
