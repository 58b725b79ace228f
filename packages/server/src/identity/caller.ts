import type { Member } from "@towermill/contract";

export interface Account {
  email: string;
  username: string | null;
  superAdmin: boolean;
  devops: boolean;
}

/** Whoever holds a token of an account: a browser session, a person's token, a webhook's. */
export interface AccountCaller {
  kind: "account";
  account: Account;
  /** `null` = every right of the account. */
  scopes: readonly string[] | null;
  readOnly: boolean;
  /** The only workspace the token works in; `null` = all of the account's. */
  tokenWorkspace: string | null;
  tokenHash: Buffer;
  tokenPrefix: string;
  /** The token came as a cookie: unsafe methods then need a same-origin `Origin`. */
  byCookie: boolean;
  /** Came in through the MCP face. */
  via?: "mcp";
}

/** A running job, by the token it was given; acts as the member it was started for. */
export interface JobCaller {
  kind: "job";
  jobId: string;
  member: Member;
}

export interface AnonymousCaller {
  kind: "anonymous";
}

export type Caller = AccountCaller | JobCaller | AnonymousCaller;

export const anonymous: AnonymousCaller = { kind: "anonymous" };
