import { constantOf } from "./constant.ts";
import type { Compiled } from "./compiled.ts";
import { parse } from "./parse.ts";
import { pathOf, readsOf } from "./roots.ts";

const KEPT = 2000;
const known = new Map<string, Compiled>();

/** Reads an expression: what it is, what it needs, what is wrong with it. Read once, remembered by its text. */
export function compile(expr: string): Compiled {
  const before = known.get(expr);
  if (before !== undefined) return before;
  const compiled = read(expr);
  for (const oldest of known.keys()) {
    if (known.size < KEPT) break;
    known.delete(oldest);
  }
  known.set(expr, compiled);
  return compiled;
}

function read(expr: string): Compiled {
  const nothing: Compiled = {
    kind: "literal",
    literal: "null",
    path: null,
    body: "",
    roots: [],
    steps: [],
    problems: [],
  };
  if (expr.trim() === "") return nothing;
  const parsed = parse(expr);
  if ("problem" in parsed) return { ...nothing, kind: "invalid", literal: null, problems: [parsed.problem] };
  const { body } = parsed;
  if ("program" in parsed) return { ...nothing, kind: "script", literal: null, body, ...readsOf(parsed.program) };
  const constant = constantOf(parsed.expression);
  if (constant !== undefined) return { ...nothing, literal: JSON.stringify(constant.value) };
  const path = pathOf(parsed.expression);
  return { ...nothing, kind: path ? "path" : "script", literal: null, path, body, ...readsOf(parsed.expression) };
}
