import { createHmac, timingSafeEqual } from "node:crypto";
import { ApiError } from "@towermill/contract";
import { cookieOf, requireSameOrigin } from "../http/credentials.ts";
import type { Authentication } from "../identity/authentication.ts";
import type { AccountCaller } from "../identity/caller.ts";
import { login } from "../identity/login.ts";
import { mayEnter } from "../identity/token-rights.ts";
import { sessionCookie } from "../identity/token-store.ts";
import { visibleWorkspaces } from "../identity/visible-workspaces.ts";
import type { Services } from "../services.ts";
import { findClient, requireOwnRedirect, type Client } from "./client.ts";
import type { ReadDocument } from "./client-document.ts";
import { OAuthRefusal } from "./error.ts";
import { insertGrant } from "./grant-store.ts";
import { issuerOf } from "./metadata.ts";
import { consentPage, escapeHtml, loginPage, page } from "./page.ts";
import { requireResource, type Resource } from "./resource.ts";

/** Parameters of a request for a code, in the order a form repeats them. */
const names = [
  "response_type",
  "client_id",
  "redirect_uri",
  "code_challenge",
  "code_challenge_method",
  "state",
  "scope",
  "resource",
] as const;

type Fields = Record<(typeof names)[number], string>;

interface Asked {
  fields: Fields;
  client: Client;
  redirectUri: string;
  resource: Resource;
  scopes: string[];
}

export interface Place {
  services: Services;
  auth: Authentication;
  readDocument: ReadDocument;
}

function fieldsOf(given: URLSearchParams): Fields {
  return Object.fromEntries(names.map((name) => [name, given.get(name) ?? ""])) as Fields;
}

/** Sends the browser back to the client: only ever to an address that has been checked. */
function sendBack(redirectUri: string, { state, ...answer }: Record<string, string>, services: Services): Response {
  const url = new URL(redirectUri);
  for (const [name, value] of Object.entries({
    ...answer,
    ...(state ? { state } : {}),
    iss: issuerOf(services.baseUrl),
  }))
    url.searchParams.set(name, value);
  return new Response(null, {
    status: 302,
    headers: { location: url.href, "cache-control": "no-store", "referrer-policy": "no-referrer" },
  });
}

function scopesOf(text: string): string[] {
  const scopes = text.split(/[ +]/).filter((scope) => scope !== "" && scope !== "offline_access" && scope !== "openid");
  if (scopes.length === 0) return ["mcp:all"];
  const strange = scopes.find((scope) => !/^mcp(:[A-Za-z0-9_./*,:-]+)?$/.test(scope));
  if (strange !== undefined)
    throw new OAuthRefusal("invalid_scope", `scope: ${strange.slice(0, 100)} is not an MCP scope`);
  return [...new Set(scopes)];
}

function requireParameters(fields: Fields): void {
  if (fields.response_type !== "code")
    throw new OAuthRefusal("unsupported_response_type", "response_type: only code is supported");
  if (fields.code_challenge_method !== "S256" || !/^[A-Za-z0-9_-]{43}$/.test(fields.code_challenge)) {
    throw new OAuthRefusal("invalid_request", "code_challenge: PKCE with S256 is required");
  }
}

/** What is asked for; a client or address that cannot be trusted is told to the person, everything else to the client. */
async function readRequest({ services, readDocument }: Place, given: URLSearchParams): Promise<Asked | Response> {
  const fields = fieldsOf(given);
  let redirectUri: string;
  let client: Client;
  try {
    client = await findClient({ db: services.db, readDocument }, fields.client_id);
    redirectUri = requireOwnRedirect(client, fields.redirect_uri);
  } catch (error) {
    if (!(error instanceof OAuthRefusal)) throw error;
    return page("This sign-in cannot go on", `<p>${escapeHtml(error.message)}</p>`, 400);
  }
  try {
    requireParameters(fields);
    const resource = requireResource(fields.resource, services.baseUrl);
    return { fields, client, redirectUri, resource, scopes: scopesOf(fields.scope) };
  } catch (error) {
    if (!(error instanceof OAuthRefusal)) throw error;
    return sendBack(
      redirectUri,
      { error: error.error, error_description: error.message, state: fields.state },
      services,
    );
  }
}

async function signedIn({ auth }: Place, request: Request): Promise<AccountCaller | null> {
  const token = cookieOf(request.headers.get("cookie"), "token");
  const caller = token === null ? null : await auth.byToken(token, true);
  return caller?.kind === "account" && caller.scopes === null && caller.tokenWorkspace === null ? caller : null;
}

/** Proves that a decision was made on the page that this session was shown. */
function proof({ services }: Place, caller: AccountCaller, fields: Fields): string {
  const about = JSON.stringify([caller.tokenHash.toString("hex"), names.map((name) => fields[name])]);
  return createHmac("sha256", services.instanceKey).update(`oauth consent ${about}`).digest("base64url");
}

function proven(expected: string, given: string): boolean {
  const [one, other] = [Buffer.from(expected), Buffer.from(given)];
  return one.length === other.length && timingSafeEqual(one, other);
}

const levels = [
  ["mcp:level:build", "build, change and run everything I may"],
  ["mcp:level:run", "read, and run what is deployed"],
  ["mcp:level:read", "only read"],
  ["mcp:level:runnables", "only run my scripts and flows"],
] as const;

/** What the person may choose: what was asked for, and where that was everything, less. */
function levelsFor(scopes: readonly string[]): readonly (readonly [string, string])[] {
  const asked = scopes.join(" ");
  if (asked === "mcp:all" || asked === "mcp") return [[asked, "do everything I may"], ...levels.slice(1)];
  return [[asked, `use: ${asked}`]];
}

const path = "/api/mcp/oauth/server/authorize";

async function showConsent(place: Place, asked: Asked, caller: AccountCaller): Promise<Response> {
  const { resource, client, fields, redirectUri } = asked;
  const workspaces = resource.workspace === null ? await visibleWorkspaces(place.services.db, caller) : [];
  const { host, protocol } = new URL(redirectUri);
  return consentPage(path, {
    client: client.name,
    redirectHost: host === "" ? protocol : host,
    email: caller.account.email,
    workspace: resource.workspace,
    workspaces: workspaces.map(({ id }) => id),
    levels: levelsFor(asked.scopes),
    fields: { ...fields, proof: proof(place, caller, fields) },
  });
}

/** `GET …/authorize`: the page that asks, or the login before it. */
export async function showAuthorize(place: Place, request: Request): Promise<Response> {
  const asked = await readRequest(place, new URL(request.url).searchParams);
  if (asked instanceof Response) return asked;
  const caller = await signedIn(place, request);
  return caller ? showConsent(place, asked, caller) : loginPage(path, { fields: asked.fields });
}

async function signIn(
  place: Place,
  asked: Asked,
  { form, address }: { form: URLSearchParams; address: string | null },
): Promise<Response> {
  const { services } = place;
  try {
    const token = await login(services, {
      email: form.get("login_email") ?? "",
      password: form.get("login_password") ?? "",
      address,
    });
    const location = `${path}?${new URLSearchParams(asked.fields).toString()}`;
    return new Response(null, {
      status: 303,
      headers: { location, "set-cookie": sessionCookie(token, services.baseUrl), "cache-control": "no-store" },
    });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return loginPage(path, { fields: asked.fields, problem: error.message });
  }
}

async function decide(
  place: Place,
  asked: Asked,
  { caller, form }: { caller: AccountCaller; form: URLSearchParams },
): Promise<Response> {
  const { services } = place;
  const { client, redirectUri, resource, fields } = asked;
  const back = (answer: Record<string, string>): Response =>
    sendBack(redirectUri, { ...answer, state: fields.state }, services);
  if (form.get("decision") !== "allow") return back({ error: "access_denied", error_description: "The user said no" });
  const chosen = form.get("chosen_scope") ?? "";
  if (!levelsFor(asked.scopes).some(([scope]) => scope === chosen))
    return back({ error: "invalid_scope", error_description: "More than was asked for" });
  const workspace = resource.workspace ?? (form.get("chosen_workspace") || null);
  const { email, superAdmin } = caller.account;
  if (workspace !== null && !(await mayEnter(services.db, { email, superAdmin }, workspace))) {
    return back({ error: "access_denied", error_description: `Not a member of the workspace ${workspace}` });
  }
  const code = await insertGrant(services, {
    clientId: client.id,
    clientName: client.name,
    email,
    resource: resource.url,
    workspace,
    scopes: chosen.split(" "),
    readOnly: caller.readOnly,
    redirectUri,
    codeChallenge: fields.code_challenge,
  });
  return back({ code });
}

/** `POST …/authorize`: a login or a decision, from our own page only. */
export async function postAuthorize(place: Place, request: Request, address: string | null): Promise<Response> {
  requireSameOrigin(request, place.services.baseUrl);
  const form = new URLSearchParams((await request.text()).slice(0, 20_000));
  const asked = await readRequest(place, form);
  if (asked instanceof Response) return asked;
  if (form.has("login_email")) return signIn(place, asked, { form, address });
  const caller = await signedIn(place, request);
  if (!caller) return loginPage(path, { fields: asked.fields });
  if (!proven(proof(place, caller, asked.fields), form.get("proof") ?? "")) return showConsent(place, asked, caller);
  return decide(place, asked, { caller, form });
}
