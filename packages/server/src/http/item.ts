import {
  allowed,
  ApiError,
  notFound,
  scopePathPatterns,
  scopesAllow,
  scopeText,
  type Acl,
  type Member,
  type ScopeDomain,
} from "@towermill/contract";
import type { Caller } from "../identity/caller.ts";

/** Scopes of the caller's token; `null` = all rights, as for the token of a job. */
export function scopesOf(caller: Caller): readonly string[] | null {
  return caller.kind === "account" ? caller.scopes : null;
}

/** Path patterns that narrow lists of a domain for this caller; `null` = none. */
export function patternsOf(caller: Caller, domain: ScopeDomain): string[] | null {
  return scopePathPatterns(scopesOf(caller), domain);
}

interface Who {
  caller: Caller;
  member: Member;
}

/** An existing item the caller asks for by path or id. */
interface Item {
  domain: ScopeDomain;
  /** What errors call it: `Script`, `Variable`… */
  kind: string;
  path: string;
  acl: Acl;
  /** What it was asked by, when that is not its path: a refusal must not tell the path. */
  asked?: { kind: string; name: string };
}

/** @throws ApiError `not_found`, the same as for an item that does not exist */
export function requireReadable({ caller, member }: Who, item: Item): void {
  const inScope = scopesAllow(scopesOf(caller), { domain: item.domain, action: "read", path: item.path });
  if (inScope && allowed(member, "read", item.path, item.acl)) return;
  const { kind, name } = item.asked ?? { kind: item.kind, name: item.path };
  throw notFound(kind, name);
}

/** @throws ApiError `not_found` when the item cannot even be read, else `forbidden` or `missing_scope` */
export function requireWritable(who: Who, item: Item): void {
  requireReadable(who, item);
  requireWriteAt(who, item);
}

/** Whether the caller may create something at a path, or move something there. @throws ApiError */
export function requireWriteAt(
  { caller, member }: Who,
  { domain, path, acl }: { domain: ScopeDomain; path: string; acl?: Acl },
): void {
  const required = { domain, action: "write", path } as const;
  if (!scopesAllow(scopesOf(caller), required)) {
    throw new ApiError("missing_scope", `Access denied. Required scope: ${scopeText(required)}`);
  }
  if (!allowed(member, "write", path, acl)) {
    throw new ApiError("forbidden", `u/${member.username} may not write ${path}`);
  }
}
