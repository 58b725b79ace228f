import { ApiError } from "@towermill/contract";
import { errorAnswer } from "../http/answer.ts";
import { toApiError, socketOf } from "../http/app.ts";
import { clientAddress } from "../http/address.ts";
import { credentialsOf, requireSameOrigin } from "../http/credentials.ts";
import { unrestrictedAccountOf } from "../identity/actor.ts";
import type { Authentication } from "../identity/authentication.ts";
import type { Services } from "../services.ts";
import { postAuthorize, showAuthorize, type Place } from "./authorize.ts";
import { fetchDocument, type ReadDocument } from "./client-document.ts";
import { registerClient } from "./client.ts";
import { json, OAuthRefusal, refusalAnswer } from "./error.ts";
import { connectedClients, redeemCode, refreshTokens, revokeByToken, revokeGrant } from "./grant-store.ts";
import { resourceMetadata, serverMetadata } from "./metadata.ts";
import { requireResource, resourceOf } from "./resource.ts";

/** The authorization server (OAuth 2.1) for MCP clients. */
export interface OAuth {
  serves(pathname: string): boolean;
  /** @param env what the adapter knows of the request's socket */
  fetch(request: Request, env?: unknown): Promise<Response>;
}

const prefix = "/api/mcp/oauth/";
const resourcePrefix = "/.well-known/oauth-protected-resource";
/** Found by the issuer's path (RFC 8414), and at the root by clients that know only the host. */
const serverDocuments = new Set([
  "/.well-known/oauth-authorization-server/api/mcp/oauth/server",
  "/.well-known/oauth-authorization-server",
]);
const bodyLimit = 100_000;

async function bodyOf(request: Request): Promise<string> {
  if (Number(request.headers.get("content-length") ?? 0) > bodyLimit)
    throw new OAuthRefusal("invalid_request", "the body is too large", 413);
  const text = await request.text();
  if (text.length > bodyLimit) throw new OAuthRefusal("invalid_request", "the body is too large", 413);
  return text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new OAuthRefusal("invalid_client_metadata", "expected a JSON object");
  }
}

async function exchange(services: Services, request: Request): Promise<Response> {
  const form = new URLSearchParams(await bodyOf(request));
  const need = (name: string): string => {
    const [value, ...more] = form.getAll(name);
    if (!value || more.length > 0) throw new OAuthRefusal("invalid_request", `${name}: is required, once`);
    return value;
  };
  const type = need("grant_type");
  if (type === "refresh_token")
    return json(await refreshTokens(services, { refresh: need("refresh_token"), clientId: need("client_id") }));
  if (type !== "authorization_code")
    throw new OAuthRefusal("unsupported_grant_type", "grant_type: expected authorization_code or refresh_token");
  const asked = form.get("resource");
  const tokens = await redeemCode(services, {
    code: need("code"),
    clientId: need("client_id"),
    redirectUri: need("redirect_uri"),
    verifier: need("code_verifier"),
    resource: asked === null ? null : requireResource(asked, services.baseUrl).url,
  });
  return json(tokens);
}

async function revoke(services: Services, request: Request): Promise<Response> {
  const token = new URLSearchParams(await bodyOf(request)).get("token");
  if (!token) throw new OAuthRefusal("invalid_request", "token: is required");
  await revokeByToken(services, token);
  return json({});
}

/** The account's own clients: `GET …/clients`, `DELETE …/clients/{id}`. */
async function clients(
  { services, auth }: { services: Services; auth: Authentication },
  request: Request,
  id: string | undefined,
): Promise<Response> {
  const credentials = credentialsOf(request, new URLSearchParams());
  const caller = await auth.byToken(credentials.token, credentials.byCookie);
  if (!caller) throw new ApiError("unauthorized", "Unauthorized: the token is invalid, expired or revoked");
  if (credentials.byCookie) requireSameOrigin(request, services.baseUrl);
  const { email } = unrestrictedAccountOf(caller).account;
  if (request.method === "GET" && id === undefined) return json(await connectedClients(services, email));
  if (request.method !== "DELETE" || id === undefined || !/^[0-9a-f-]{36}$/.test(id))
    throw new ApiError("not_found", "No such client");
  if (!(await revokeGrant(services, { id, email }))) throw new ApiError("not_found", `No such client: ${id}`);
  return json({ revoked: id });
}

function metadata(services: Services, pathname: string): Response | null {
  if (serverDocuments.has(pathname)) return Response.json(serverMetadata(services.baseUrl));
  if (!pathname.startsWith(resourcePrefix)) return null;
  const resource = pathname.slice(resourcePrefix.length) || "/api/mcp";
  return resourceOf(resource)
    ? Response.json(resourceMetadata(services.baseUrl, resource))
    : Response.json({ error: "not_found" }, { status: 404 });
}

/** @param readDocument how documents of clients are read; from the public internet unless told */
export function createOAuth(
  services: Services,
  auth: Authentication,
  readDocument: ReadDocument = fetchDocument,
): OAuth {
  const place: Place = { services, auth, readDocument };
  const route = async (request: Request, env: unknown): Promise<Response> => {
    const { pathname } = new URL(request.url);
    const document = request.method === "GET" ? metadata(services, pathname) : null;
    if (document) return document;
    const [, part, id] = /^\/api\/mcp\/oauth\/(server\/[a-z]+|clients)(?:\/([^/]+))?$/.exec(pathname) ?? [];
    const asked = `${request.method} ${part ?? ""}`;
    if (part === "clients") return clients(place, request, id);
    if (asked === "GET server/authorize") return showAuthorize(place, request);
    if (asked === "POST server/authorize") {
      const address = clientAddress(request, socketOf(env)?.incoming, services.trustedProxies ?? 0);
      return postAuthorize(place, request, address);
    }
    if (asked === "POST server/token") return exchange(services, request);
    if (asked === "POST server/register")
      return json(await registerClient(services.db, parseJson(await bodyOf(request))), 201);
    if (asked === "POST server/revoke") return revoke(services, request);
    throw new ApiError("not_found", `No such address: ${request.method} ${pathname}`);
  };
  return {
    serves: (pathname) =>
      pathname.startsWith(`${prefix}server/`) ||
      pathname.startsWith(`${prefix}clients`) ||
      pathname.startsWith(resourcePrefix) ||
      serverDocuments.has(pathname),
    async fetch(request, env) {
      try {
        return await route(request, env);
      } catch (error) {
        if (error instanceof OAuthRefusal) return refusalAnswer(error);
        return errorAnswer(toApiError(error, services, "oauth"), {
          accept: request.headers.get("accept"),
          id: "oauth",
        });
      }
    },
  };
}
