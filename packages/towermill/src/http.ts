import type { Mcp } from "@towermill/mcp";
import type { Fetch, Server } from "@towermill/server";

/** `http://host:port/a/b?c` → `/a/b`, without building a URL for every request. */
function pathnameOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  const end = url.indexOf("?", start);
  return start === -1 ? "/" : url.slice(start, end === -1 ? undefined : end);
}

/** Every face of the server behind one address: MCP, its authorization server, and the API for all else. */
export function faces({ app, oauth }: Pick<Server, "app" | "oauth">, mcp: Pick<Mcp, "serves" | "fetch">): Fetch {
  return (request, env) => {
    const pathname = pathnameOf(request.url);
    if (mcp.serves(pathname)) return mcp.fetch(request);
    if (oauth.serves(pathname)) return oauth.fetch(request, env);
    return app.fetch(request, env);
  };
}
