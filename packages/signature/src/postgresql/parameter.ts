import type { Json, Typ } from "../typ.ts";
import { castsOf } from "./text.ts";
import { defaultOf, typOf } from "./type.ts";

/** One `$N` of a PostgreSQL script. */
export type SqlParameter = {
  /** The number after the `$`. */
  position: number;
  /** As declared; `$N` where nothing declares it. */
  name: string;
  /** Type in lower case, as declared or as the text casts it. */
  otyp: string;
  typ: Typ;
  /** Whether the directive, not the text, says the type. */
  declared: boolean;
  default: Json;
  hasDefault: boolean;
};

/** `-- $1 name (type) = default`, from the first column on. Types with parentheses of their own are not recognised. */
const DIRECTIVE = /^-- \$(\d+) (\w+)(?: \(([A-Za-z0-9_[\]]+)\))?(?: ?= ?([^\n]+))? *\r?$/;

/** Positions are 32-bit numbers. */
const HIGHEST_POSITION = 2 ** 31 - 1;

/**
 * The parameters of a script, by position. Directives name them; a `$N` without one is named after itself. A type
 * comes from the directive, else from the first `$N::type` of the text, else it is text.
 * @throws when a directive's position cannot be one
 */
export function postgresqlParameters(content: string): SqlParameter[] {
  const casts = castsOf(content);
  const found: SqlParameter[] = [];
  const declared = new Set<number>();
  for (const line of content.split("\n")) {
    const match = line.startsWith("-- $") ? DIRECTIVE.exec(line) : null;
    if (match === null) continue;
    const [, digits = "", name = "", type, fallback] = match;
    const position = Number(digits);
    if (position > HIGHEST_POSITION) throw new Error(`$${digits} is not a position of a parameter`);
    if (type === undefined && !casts.has(position)) continue;
    declared.add(position);
    const otyp = (type ?? casts.get(position) ?? "text").toLowerCase();
    const typ = typOf(otyp);
    const hasDefault = fallback !== undefined;
    const value = hasDefault ? defaultOf(fallback, typ) : null;
    found.push({ position, name, otyp, typ, declared: type !== undefined, default: value, hasDefault });
  }
  for (const [position, cast] of casts) {
    if (declared.has(position) || position > HIGHEST_POSITION) continue;
    const otyp = cast ?? "text";
    const bare = { position, name: `$${position}`, otyp, typ: typOf(otyp) };
    found.push({ ...bare, declared: false, default: null, hasDefault: false });
  }
  return found.sort((a, b) => a.position - b.position);
}
