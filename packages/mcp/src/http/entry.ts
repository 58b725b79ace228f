import { readGrant } from "../grant.ts";
import type { Host, Principal } from "../host.ts";
import { readNarrowing } from "../narrowing.ts";
import type { Session } from "../session.ts";
import { refuse } from "./refusal.ts";

interface Token {
  text: string;
  /** It was in the address. */
  inQuery: boolean;
}

/** The token of a request: the header first; in the address only where that is allowed. Cookies do not count. */
export function tokenOf(request: Request, queryAllowed: boolean): Token {
  const [scheme, bearer] = (request.headers.get("authorization") ?? "").split(" ");
  if (scheme?.toLowerCase() === "bearer" && bearer) return { text: bearer, inQuery: false };
  const inQuery = queryAllowed ? new URL(request.url).searchParams.get("token") : null;
  return { text: inQuery ?? "", inQuery: inQuery !== null };
}

/** What an OAuth token was made for; the two addresses of a workspace are one resource. */
function resourceOf(pathname: string): string {
  return pathname
    .replace(/\/(sse|mcp|message|list_tools|explain)$/, "")
    .replace(/^\/api\/mcp\/(gateway)?$/, "/api/mcp");
}

function fitsAudience({ audience }: Principal, { baseUrl, pathname }: { baseUrl: string; pathname: string }): boolean {
  if (audience === null) return true;
  const meant = audience.startsWith(baseUrl) ? audience.slice(baseUrl.length) : audience;
  return resourceOf(meant) === resourceOf(pathname);
}

function missingScope({ scopes }: Principal): string {
  const own = (scopes ?? []).join(" ").slice(0, 200);
  return `Unauthorized: missing mcp scope; the token has ${own === "" ? "no scope at all" : own}`;
}

export interface Entry {
  session: Session;
  token: Token;
}

/** Decides who a request is from and what it sees; a refusal is an answer of its own. */
export async function admit(host: Host, request: Request, workspace: string | null): Promise<Entry | Response> {
  const url = new URL(request.url);
  const where = { baseUrl: host.baseUrl, pathname: url.pathname };
  const token = tokenOf(request, workspace !== null && host.queryTokens);
  if (token.text === "")
    return refuse({ status: 401, message: "Unauthorized: send a token as Authorization: Bearer" }, where);
  const principal = await host.authenticate(token.text);
  if (!principal)
    return refuse(
      {
        status: 401,
        error: "invalid_token",
        message: "Unauthorized: the token is unknown, expired or revoked; make a new one",
      },
      where,
    );
  if (!fitsAudience(principal, where))
    return refuse(
      { status: 401, error: "invalid_token", message: "Unauthorized: the token was made for another resource" },
      where,
    );
  const grant = readGrant(principal.scopes);
  if (!grant)
    return refuse(
      { status: 403, error: "insufficient_scope", message: missingScope(principal), scope: "mcp:all" },
      where,
    );
  const bound = workspace ?? principal.workspace;
  const member = bound === null ? null : await host.memberOf(principal, bound);
  if (bound !== null && !member) {
    return refuse(
      { status: 403, message: `Not a member of workspace ${bound}, or the token is for another one` },
      where,
    );
  }
  const narrowing = readNarrowing(url.searchParams, request.headers, workspace === null ? "session" : "all");
  return { token, session: { principal, grant, narrowing, workspace: bound, member } };
}
