import { ApiError } from "@towermill/contract";
import { headerOf } from "./socket.ts";

export interface Credentials {
  token: string;
  byCookie: boolean;
}

export function cookieOf(header: string | null, name: string): string | null {
  for (const part of (header ?? "").split(";")) {
    const [key, ...value] = part.trim().split("=");
    if (key === name) return decodeURIComponent(value.join("="));
  }
  return null;
}

/** Bearer header first, then `?token=`, then the cookie: an explicit token always wins over the browser's session. */
export function credentialsOf(request: Request, search: URLSearchParams): Credentials {
  const [scheme, bearer] = (headerOf(request, "authorization") ?? "").split(" ");
  if (scheme?.toLowerCase() === "bearer" && bearer) return { token: bearer, byCookie: false };
  const inQuery = search.get("token");
  if (inQuery) return { token: inQuery, byCookie: false };
  const inCookie = cookieOf(headerOf(request, "cookie"), "token");
  return inCookie ? { token: inCookie, byCookie: true } : { token: "", byCookie: false };
}

/**
 * A browser always sends `Origin` with a cross-site write, so a cookie is accepted for writes when it comes without an
 * `Origin` (the official CLI posts with the cookie alone) or from this server's own pages.
 * @throws ApiError `forbidden`
 */
export function requireSameOrigin(request: Request, baseUrl: string): void {
  if (["GET", "HEAD", "OPTIONS"].includes(request.method)) return;
  const origin = headerOf(request, "origin");
  const site = headerOf(request, "sec-fetch-site");
  const sameHost = origin !== null && URL.canParse(origin) && new URL(origin).host === headerOf(request, "host");
  const ownPage = origin === null || sameHost || origin === new URL(baseUrl).origin;
  if (!ownPage || site === "cross-site") {
    throw new ApiError("forbidden", `Cookie sessions cannot be used from the origin ${origin ?? "of another site"}`);
  }
}
