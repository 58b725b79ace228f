/** What a request shows, of what the token allows; it never adds anything. */
export interface Narrowing {
  mode: Mode;
  /** `null` = all. */
  toolsets: ReadonlySet<string> | null;
  tools: ReadonlySet<string> | null;
  exclude: ReadonlySet<string>;
  readOnly: boolean;
}

/**
 * `all`: endpoint tools and one tool per script and flow. `session`: endpoint tools. `runnables`: scripts and flows.
 * `lean`: five tools that search, describe and call the others.
 */
export type Mode = "all" | "session" | "runnables" | "lean";

const modes: readonly Mode[] = ["all", "session", "runnables", "lean"];

function names(...texts: (string | null)[]): ReadonlySet<string> | null {
  const lists = texts
    .filter((text) => text !== null)
    .map(
      (text) =>
        new Set(
          text
            .split(",")
            .map((name) => name.trim())
            .filter(Boolean),
        ),
    );
  if (lists.length === 0) return null;
  return new Set([...(lists[0] ?? [])].filter((name) => lists.every((each) => each.has(name))));
}

function isOn(text: string | null): boolean {
  return text !== null && !["false", "0", "no"].includes(text.toLowerCase());
}

/**
 * From the query (`mode`, `toolsets`, `tools`, `exclude`, `readonly`) and the headers GitHub's server made customary
 * (`X-MCP-Toolsets`, `X-MCP-Tools`, `X-MCP-Exclude-Tools`, `X-MCP-Readonly`). Where both speak, both must agree.
 */
export function readNarrowing(search: URLSearchParams, headers: Headers, usual: Mode): Narrowing {
  const wanted = search.get("mode") ?? headers.get("x-mcp-mode");
  const excluded = [search.get("exclude"), headers.get("x-mcp-exclude-tools")].map((text) => names(text) ?? []);
  return {
    mode: modes.find((mode) => mode === wanted) ?? usual,
    toolsets: names(search.get("toolsets"), headers.get("x-mcp-toolsets")),
    tools: names(search.get("tools"), headers.get("x-mcp-tools")),
    exclude: new Set(excluded.flatMap((each) => [...each])),
    readOnly: isOn(search.get("readonly")) || isOn(headers.get("x-mcp-readonly")),
  };
}
