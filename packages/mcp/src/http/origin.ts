import { fault } from "./refusal.ts";

const loopback = new Set(["localhost", "127.0.0.1", "[::1]"]);

function hostnameOf(authority: string | null): string | null {
  return authority !== null && URL.canParse(`http://${authority}`) ? new URL(`http://${authority}`).hostname : null;
}

/** A page cannot make a browser believe that its name is an IP address, so DNS rebinding needs a name. */
function isAddress(hostname: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(hostname) || hostname.startsWith("[");
}

/**
 * Refuses requests that a page of another site made a browser send: an `Origin` that is not this server's, and, where the
 * server is known by a loopback name, a `Host` that is neither loopback, an IP address, nor its own.
 */
export function refuseForeign(request: Request, baseUrl: string): Response | null {
  const own = new URL(baseUrl).hostname;
  const host = hostnameOf(request.headers.get("host") ?? new URL(request.url).host);
  const known = (name: string | null): boolean =>
    name !== null && (name === own || loopback.has(name) || isAddress(name));
  if (loopback.has(own) && !known(host))
    return fault(403, `Host ${host ?? ""} is not known here: set BASE_URL to the address people use`);
  const origin = request.headers.get("origin");
  if (origin === null) return null;
  const from = URL.canParse(origin) ? new URL(origin).hostname : null;
  if (from !== null && (from === own || loopback.has(from) || (from === host && known(host)))) return null;
  return fault(403, `Requests from the origin ${origin.slice(0, 200)} are not accepted`);
}
