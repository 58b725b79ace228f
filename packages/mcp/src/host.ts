import type { Member, OperationSpec } from "@towermill/contract";
import type { Dispatcher } from "@towermill/queue";
import type { Bus, Database, Log } from "@towermill/store";
import type { RunnableSource } from "./runnable/runnable.ts";

/** Who calls, by the token that came with the request. */
export interface Principal {
  /** SHA-256 of the token in hex: binds streams and sealed states to it, and finds it in notifications. */
  readonly id: string;
  readonly email: string;
  /** `null` = every right of the account. */
  readonly scopes: readonly string[] | null;
  readonly readOnly: boolean;
  /** The only workspace the token is good for; `null` = all of the account's. */
  readonly workspace: string | null;
  readonly role: "user" | "devops" | "superadmin";
  /** The token of a running job. */
  readonly ofJob: boolean;
  /** The address an OAuth token was made for; `null` for tokens made otherwise. */
  readonly audience: string | null;
}

/** One operation of the contract, called in process. */
export interface Invocation {
  operation: OperationSpec;
  /** Path parameters, `workspace` included. */
  params: Readonly<Record<string, string>>;
  query: Readonly<Record<string, string>>;
  /** JSON text, `""` without a body. */
  bodyText: string;
  /** Scopes the call is made with, at most the caller's own rights; `null` = all of them. */
  scopes: readonly string[] | null;
  /** The scopes hold paths and narrow what handlers show and change; the operation itself is granted. */
  confined: boolean;
  readOnly: boolean;
  signal?: AbortSignal;
}

export interface AuditNote {
  workspace: string | null;
  tool: string;
  /** Name and version the client gave. */
  client: string;
  outcome: "success" | "error";
}

/** What the platform lends to its MCP face. */
export interface Host {
  readonly db: Database;
  readonly bus: Bus;
  readonly dispatcher: Dispatcher;
  readonly log: Log;
  readonly version: string;
  /** Public address of the instance, without a trailing slash. */
  readonly baseUrl: string;
  /** Key for sealed states; 32 bytes. */
  readonly secret: Buffer;
  /** Whether `?token=` is accepted on the workspace addresses. */
  readonly queryTokens: boolean;
  /** The operations that have a handler. */
  readonly operations: readonly OperationSpec[];
  /** Where scripts and flows come from; the deployed ones unless told. */
  readonly sources?: readonly RunnableSource[];
  /** `null` when the token is unknown, expired or revoked. */
  authenticate(token: string): Promise<Principal | null>;
  memberOf(principal: Principal, workspace: string): Promise<Member | null>;
  workspacesOf(principal: Principal): Promise<{ id: string; name: string }[]>;
  /** Errors are answers too, as `application/problem+json`. */
  invoke(principal: Principal, invocation: Invocation): Promise<Response>;
  /** Waits for what is still being written when the server stops. */
  settle?(): Promise<void>;
  /** Writes the call down; must not throw. */
  audit(principal: Principal, note: AuditNote): void;
}
