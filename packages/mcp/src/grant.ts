/**
 * What the scopes of a token allow over MCP. Windmill's grammar (`mcp:all`, `mcp:favorites`, `mcp:scripts:f/a/*`,
 * `mcp:flows:…`, `mcp:endpoints:name,…`) plus `mcp:toolset:{name}[:ro]`, `mcp:level:{build|run|read|runnables}` and the
 * bare `mcp`: everything, within the token's other scopes.
 */
export interface Grant {
  /** Endpoint tools by name; `*` = all. */
  readonly endpoints: ReadonlySet<string>;
  readonly toolsets: ReadonlyMap<string, "write" | "read">;
  /** Every endpoint tool that only reads. */
  readonly reading: boolean;
  /** Endpoint tools that run and cancel deployed things. */
  readonly running: boolean;
  /** Paths and `prefix/*` patterns; `*` = all. */
  readonly scripts: readonly string[];
  readonly flows: readonly string[];
  /** The caller's favourites may be run besides. */
  readonly favorites: boolean;
  /** REST scopes every call stays within; `null` = those an operation needs. */
  readonly within: readonly string[] | null;
  /** Scopes that only narrow (`if_jobs:…`), kept on every call. */
  readonly markers: readonly string[];
}

type Draft = {
  endpoints: Set<string>;
  toolsets: Map<string, "write" | "read">;
  reading: boolean;
  running: boolean;
  scripts: string[];
  flows: string[];
  favorites: boolean;
};

function emptyDraft(): Draft {
  return {
    endpoints: new Set(),
    toolsets: new Map(),
    reading: false,
    running: false,
    scripts: [],
    flows: [],
    favorites: false,
  };
}

function allow(draft: Draft, runnables: readonly string[]): void {
  draft.scripts.push(...runnables);
  draft.flows.push(...runnables);
}

const levels: Record<string, (draft: Draft) => void> = {
  build: (draft) => (draft.endpoints.add("*"), allow(draft, ["*"])),
  run: (draft) => ((draft.reading = true), (draft.running = true), allow(draft, ["*"])),
  read: (draft) => void (draft.reading = true),
  runnables: (draft) => ((draft.running = true), allow(draft, ["*"])),
};

function list(text: string | undefined): string[] {
  return (text ?? "").split(",").filter((item) => item !== "");
}

const readers: Record<string, (draft: Draft, parts: readonly string[]) => void> = {
  all: (draft, [pattern]) => (draft.endpoints.add("*"), allow(draft, pattern === undefined ? ["*"] : list(pattern))),
  favorites: (draft) => ((draft.favorites = true), (draft.running = true)),
  scripts: (draft, [paths]) => void draft.scripts.push(...list(paths)),
  flows: (draft, [paths]) => void draft.flows.push(...list(paths)),
  endpoints: (draft, [names]) => list(names).forEach((name) => draft.endpoints.add(name)),
  toolset: (draft, [name, mode]) => void (name && draft.toolsets.set(name, mode === "ro" ? "read" : "write")),
  level: (draft, [level]) => levels[level ?? ""]?.(draft),
  read: (draft) => levels["read"]?.(draft),
  write: (draft) => levels["build"]?.(draft),
};

function isMarker(scope: string): boolean {
  return scope.startsWith("if_jobs:");
}

function grants(draft: Draft): boolean {
  const { endpoints, toolsets, reading, running, scripts, flows } = draft;
  return endpoints.size + toolsets.size + scripts.length + flows.length > 0 || reading || running;
}

/** What scopes allow over MCP; `null` when they hold no MCP scope that is understood. */
export function readGrant(scopes: readonly string[] | null): Grant | null {
  const markers = (scopes ?? []).filter(isMarker);
  const draft = emptyDraft();
  if (scopes === null || (markers.length > 0 && markers.length === scopes.length)) {
    levels["build"]?.(draft);
    return { ...draft, within: null, markers };
  }
  for (const scope of scopes) {
    const [domain, kind, ...rest] = scope.split(":");
    if (domain === "mcp" && kind !== undefined && Object.hasOwn(readers, kind)) readers[kind]?.(draft, rest);
  }
  if (grants(draft)) return { ...draft, within: null, markers };
  if (!scopes.includes("mcp")) return null;
  levels["build"]?.(draft);
  const others = scopes.filter((scope) => scope !== "mcp" && !scope.startsWith("mcp:"));
  const within = others.some((scope) => !isMarker(scope)) ? others : null;
  return { ...draft, within, markers };
}

/** `*`, an exact path, or `prefix/*`: the prefix itself and everything below it, never a longer name. */
export function coversPath(patterns: readonly string[], path: string): boolean {
  return patterns.some((pattern) => {
    if (pattern === "*" || pattern === path) return true;
    if (!pattern.endsWith("/*")) return false;
    const prefix = pattern.slice(0, -2);
    return path === prefix || path.startsWith(`${prefix}/`);
  });
}

/** Paths a token is confined to, over scripts and flows; `null` = not confined. */
export function confinement(grant: Grant): readonly string[] | null {
  const patterns = [...grant.scripts, ...grant.flows];
  return patterns.length === 0 || patterns.includes("*") ? null : patterns;
}
