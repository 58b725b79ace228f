type Fetch = typeof globalThis.fetch;

const bearer = "Bearer ";

/**
 * Keeps the SDK signed in. `windmill-client` reads `WM_TOKEN` once, when it is loaded, and a process lives longer than
 * the token of its first job: requests that carry the token of an earlier job get the one of the job that runs now.
 *
 * Returns what is to be called with each job's token.
 */
export function followJobToken(scope: { fetch: Fetch } = globalThis): (token: string | undefined) => void {
  const earlier = new Set<string>();
  let current = "";
  const direct = scope.fetch;
  const renewed = (headers: Headers): boolean => {
    const value = headers.get("authorization") ?? "";
    if (!value.startsWith(bearer) || !earlier.has(value.slice(bearer.length))) return false;
    headers.set("authorization", bearer + current);
    return true;
  };
  const following = (input: Parameters<Fetch>[0], init?: Parameters<Fetch>[1]): ReturnType<Fetch> => {
    if (earlier.size === 0) return direct(input, init);
    const given = init?.headers ?? (input instanceof Request ? input.headers : undefined);
    if (given === undefined) return direct(input, init);
    const headers = new Headers(given as ConstructorParameters<typeof Headers>[0]);
    return renewed(headers) ? direct(input, { ...init, headers }) : direct(input, init);
  };
  // Bun hangs functions of its own on it.
  scope.fetch = Object.assign(following, direct) as Fetch;
  return (token) => {
    if (current !== "" && current !== token) earlier.add(current);
    current = token ?? "";
    earlier.delete(current);
  };
}
