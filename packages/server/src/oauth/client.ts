import { randomToken } from "@towermill/queue";
import { sql, type Database } from "@towermill/store";
import { isDocumentId, type ReadDocument } from "./client-document.ts";
import { OAuthRefusal } from "./error.ts";
import { redirectMatches, requireRedirectUri } from "./redirect.ts";

export interface Client {
  id: string;
  /** What it calls itself; shown beside where it is sent back to, because anybody may call themselves anything. */
  name: string;
  redirectUris: string[];
}

const mostClients = 20_000;

type Metadata = Record<string, unknown>;

function isMetadata(value: unknown): value is Metadata {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function redirectUrisOf(metadata: Metadata): string[] {
  const uris = metadata["redirect_uris"];
  if (!Array.isArray(uris) || uris.length === 0 || uris.length > 20) {
    throw new OAuthRefusal("invalid_redirect_uri", "redirect_uris: expected a list of 1 to 20 addresses");
  }
  return uris.map(requireRedirectUri);
}

function nameOf(metadata: Metadata): string {
  const name = metadata["client_name"];
  return typeof name === "string" && name !== "" ? name.replaceAll(/[\p{C}]/gu, "").slice(0, 100) : "An MCP client";
}

function requirePublic(metadata: Metadata): void {
  const method = metadata["token_endpoint_auth_method"] ?? "none";
  if (method !== "none")
    throw new OAuthRefusal("invalid_client_metadata", "token_endpoint_auth_method: only none is supported, with PKCE");
}

/** Dynamic registration (RFC 7591) of a public client. */
export async function registerClient(db: Database, metadata: unknown): Promise<Metadata> {
  if (!isMetadata(metadata)) throw new OAuthRefusal("invalid_client_metadata", "expected a JSON object");
  const uris = redirectUrisOf(metadata);
  // Clients that ask for a secret are told that they get none; they all cope.
  const name = nameOf(metadata);
  const id = randomToken();
  await db.execute(sql`delete from oauth_client where ctid = any(array(
    select c.ctid from oauth_client c where c.last_used_at < now() - interval '90 days'
      and not exists (select from oauth_grant g where g.client_id = c.id) limit 500))`);
  const { count } = await db.one<{ count: number }>(sql`select count(*)::int as count from oauth_client`);
  if (count >= mostClients) throw new OAuthRefusal("temporarily_unavailable", "Too many clients are registered", 503);
  await db.execute(sql`insert into oauth_client (id, name, redirect_uris) values (${id}, ${name}, ${uris})`);
  return {
    client_id: id,
    client_id_issued_at: Math.floor(Date.now() / 1000),
    client_name: name,
    redirect_uris: uris,
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  };
}

async function documentClient(readDocument: ReadDocument, clientId: string): Promise<Client> {
  let metadata: unknown;
  try {
    metadata = JSON.parse(await readDocument(clientId));
  } catch (error) {
    if (error instanceof OAuthRefusal) throw error;
    throw new OAuthRefusal("invalid_client", "client_id: its document is not JSON", 401);
  }
  if (!isMetadata(metadata) || metadata["client_id"] !== clientId) {
    throw new OAuthRefusal("invalid_client", "client_id: its document is about another client", 401);
  }
  requirePublic(metadata);
  return { id: clientId, name: nameOf(metadata), redirectUris: redirectUrisOf(metadata) };
}

/** Where clients are known from: the database, or the document that a client is. */
export interface ClientPlaces {
  db: Database;
  readDocument: ReadDocument;
}

/** @throws OAuthRefusal `invalid_client` */
export async function findClient({ db, readDocument }: ClientPlaces, clientId: string): Promise<Client> {
  if (isDocumentId(clientId)) return documentClient(readDocument, clientId);
  const row = await db.maybe<{ name: string; redirect_uris: string[] }>(sql`
    update oauth_client set last_used_at = now() where id = ${clientId} returning name, redirect_uris`);
  if (!row) throw new OAuthRefusal("invalid_client", "client_id: no such client; register again", 401);
  return { id: clientId, name: row.name, redirectUris: row.redirect_uris };
}

/** @throws OAuthRefusal when the client is not to be sent back to this address */
export function requireOwnRedirect(client: Client, redirectUri: string): string {
  if (client.redirectUris.some((uri) => redirectMatches(uri, redirectUri))) return redirectUri;
  throw new OAuthRefusal("invalid_request", "redirect_uri: is not one of the client's");
}
