import type { Json, Typ } from "../typ.ts";

/** What Windmill's editor takes for each type; `int8` and `float` are strings there too. */
const TYPES: readonly (readonly [Typ, readonly string[]])[] = [
  ["int", ["int", "int2", "int4", "integer", "smallint", "bigint", "oid", "serial", "smallserial", "bigserial"]],
  ["float", ["numeric", "decimal", "real", "float4", "float8", "double"]],
  ["bool", ["bool", "boolean"]],
  ["datetime", ["date", "time", "timetz", "timestamp", "timestamptz"]],
  ["bytes", ["bytea"]],
  [{ object: { name: null, props: [] } }, ["json", "jsonb"]],
  [{ resource: "S3Object" }, ["s3object"]],
];

const BY_NAME = new Map(TYPES.flatMap(([typ, names]) => names.map((name) => [name, typ] as const)));

/** The type of a parameter by the lower-case name of its type in SQL. */
export function typOf(otyp: string): Typ {
  let element = otyp;
  while (element.endsWith("[]")) element = element.slice(0, -2);
  let typ = BY_NAME.get(element) ?? { str: null };
  for (let depth = (otyp.length - element.length) / 2; depth > 0; depth -= 1) typ = { list: typ };
  return typ;
}

/** A default as written in a directive; null where it does not fit the type. */
export function defaultOf(written: string, typ: Typ): Json {
  if (written.toLowerCase() === "null") return null;
  if (typ === "int")
    return /^[+-]?\d{1,19}$/.test(written) && isInt64(BigInt(written.replace("+", ""))) ? Number(written) : null;
  if (typ === "float") {
    const value = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(written) ? Number(written) : NaN;
    return Number.isFinite(value) ? value : null;
  }
  if (typ === "bool") return written === "true" ? true : written === "false" ? false : null;
  if (typeof typ === "object" && "str" in typ) return /^'([^]*)'$/.exec(written)?.[1] ?? written;
  return written;
}

function isInt64(value: bigint): boolean {
  return BigInt.asIntN(64, value) === value;
}
