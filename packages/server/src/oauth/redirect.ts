import { OAuthRefusal } from "./error.ts";

const loopback = new Set(["localhost", "127.0.0.1", "[::1]"]);
const dangerous = new Set([
  "javascript:",
  "data:",
  "file:",
  "vbscript:",
  "about:",
  "blob:",
  "ftp:",
  "ws:",
  "wss:",
  "view-source:",
]);

/**
 * An address a client may be sent back to: https, http on loopback (RFC 8252), or a scheme of an application's own.
 * @throws OAuthRefusal `invalid_redirect_uri`
 */
export function requireRedirectUri(uri: unknown): string {
  const refuse = (why: string): never => {
    throw new OAuthRefusal("invalid_redirect_uri", `redirect_uris: ${String(uri).slice(0, 200)} ${why}`);
  };
  if (typeof uri !== "string" || uri.length > 2000 || !URL.canParse(uri)) return refuse("is no absolute address");
  const { protocol, hostname, hash, username, password } = new URL(uri);
  if (hash !== "" || uri.includes("#")) return refuse("must not have a fragment");
  if (uri.includes("*")) return refuse("must not have a wildcard");
  if (username !== "" || password !== "") return refuse("must not have a name or password");
  if (dangerous.has(protocol)) return refuse(`must not use the scheme ${protocol}`);
  if (protocol === "http:" && !loopback.has(hostname)) return refuse("must use https, or http on loopback");
  return uri;
}

/** Exactly equal, except that a loopback address may have any port: native clients take whichever is free. */
export function redirectMatches(registered: string, asked: string): boolean {
  if (registered === asked) return true;
  if (!URL.canParse(registered) || !URL.canParse(asked)) return false;
  const [one, other] = [new URL(registered), new URL(asked)];
  if (one.protocol !== "http:" || !loopback.has(one.hostname)) return false;
  one.port = "";
  other.port = "";
  return one.href === other.href;
}
