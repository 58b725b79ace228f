/** A value as JSON has it. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** One property of an object type, in source order. */
export type TypProperty = { key: string; typ: Typ };

/** One member of a tagged union: `label` is the value of its `label` or `kind` property. */
export type TypVariant = { label: string; properties: TypProperty[] };

/**
 * The type of a parameter, common to all languages; the vocabulary is the one Windmill's parsers speak.
 * `{ str: null }` is any string, `{ str: [..] }` one of these; an object's `props` are null where they are not known.
 */
export type Typ =
  | "int"
  | "float"
  | "bool"
  | "bytes"
  | "date"
  | "datetime"
  | "email"
  | "sql"
  | "yaml"
  | "unknown"
  | { str: string[] | null }
  | { list: Typ }
  | { object: { name: string | null; props: TypProperty[] | null } }
  | { resource: string }
  | { oneof: TypVariant[] }
  | { dynselect: string }
  | { dynmultiselect: string };

/** The type of a JSON value: a list has the type of its first element. `isInt` tells integers from other numbers. */
export function typOfValue(value: Json, isInt: (value: number) => boolean = Number.isSafeInteger): Typ {
  if (value === null) return "unknown";
  if (typeof value === "string") return { str: null };
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return isInt(value) ? "int" : "float";
  if (Array.isArray(value)) return { list: value.length === 0 ? "unknown" : typOfValue(value[0] ?? null, isInt) };
  const props = Object.entries(value).map(([key, inner]) => ({ key, typ: typOfValue(inner, isInt) }));
  return { object: { name: null, props } };
}
