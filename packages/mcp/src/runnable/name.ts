import { createHash } from "node:crypto";

/** Clients put the server's name in front; 40 characters fit in all that were tried. */
export const longestName = 40;

const prefixes = { script: "s", flow: "f" } as const;
const visiblePart = 22;

function escape(path: string): string {
  return path.replaceAll("_", "__").replaceAll("/", "_");
}

function unescape(text: string): string {
  return text.replace(/__|_/g, (found) => (found === "__" ? "_" : "/"));
}

function hashed(kind: keyof typeof prefixes, escaped: string): string {
  const digest = createHash("sha256").update(`${prefixes[kind]}-${escaped}`).digest("hex").slice(0, 16);
  const visible = escaped.slice(0, visiblePart).replaceAll(/[^A-Za-z0-9_]/g, "-");
  return `${prefixes[kind].toUpperCase()}-${visible}${digest}`;
}

/**
 * The tool name of a script or flow, as Windmill makes it: `s-` or `f-`, `_` doubled and `/` as `_`. Where that is too
 * long, or would not lead back to the path (`a/_b`, `a_/b`, characters no tool name may hold), the first letter is upper
 * case and a hash stands for the rest.
 */
export function toolName(kind: keyof typeof prefixes, path: string): string {
  const escaped = escape(path);
  const name = `${prefixes[kind]}-${escaped}`;
  const reversible = unescape(escaped) === path && /^[A-Za-z0-9_-]+$/.test(name);
  if (name.length <= longestName && reversible) return name;
  return hashed(kind, reversible ? escaped : `${escaped} ${path}`);
}

/** The path behind a name that holds it; `null` for a hashed one, which only a look-up resolves. */
export function pathOf(name: string): { kind: "script" | "flow"; path: string } | null {
  const [, letter, escaped = ""] = /^([sf])-(.+)$/.exec(name) ?? [];
  if (letter === undefined) return null;
  return { kind: letter === "s" ? "script" : "flow", path: unescape(escaped) };
}
