import { jsonElements } from "@towermill/contract";
import type { SqlParameter } from "@towermill/signature";
import type { Casts } from "./statement.ts";

type Typ = SqlParameter["typ"];

/** Types whose name in a directive can be used as it is. */
// prettier-ignore
const PLAIN = [
  "text", "varchar", "name", "uuid", "xml", "json", "jsonb", "bytea", "bool", "boolean", "int", "int2", "int4", "int8",
  "integer", "smallint", "bigint", "oid", "numeric", "decimal", "real", "float4", "float8", "date", "time", "timetz",
  "timestamp", "timestamptz", "interval", "inet", "cidr", "macaddr", "money", "point", "bpchar", "regclass",
];

/** A `char` without a length would cut its value, and no column but a new one can be a `serial`. */
const CAST = new Map<string, string>([
  ...PLAIN.map((name) => [name, name] as const),
  ["char", "bpchar"],
  ["character", "bpchar"],
  ["float", "float8"],
  ["double", "float8"],
  ["serial", "int4"],
  ["smallserial", "int2"],
  ["bigserial", "int8"],
  ["s3object", "jsonb"],
]);

/** The types that directives declare; PostgreSQL finds those of all other parameters, enums among them, by itself. */
export function castsOf(parameters: readonly SqlParameter[]): Casts {
  const casts = new Map<number, string>();
  for (const { position, otyp, declared } of parameters) {
    const element = otyp.replace(/(\[\])+$/, "");
    const cast = CAST.get(element);
    if (declared && cast !== undefined) casts.set(position, cast + otyp.slice(element.length));
  }
  return casts;
}

/**
 * The value of a parameter in PostgreSQL's text form, from the argument's JSON text: numbers keep their digits, JSON
 * its spelling, bytes come in base64. Null where there is neither argument nor default.
 */
export function bind(parameter: SqlParameter, argument: string | undefined): string | null {
  if (argument !== undefined) return textOf(argument, parameter.typ);
  const fallback = parameter.default ?? null;
  // The default of JSON and of lists is written as JSON.
  if (typeof fallback === "string" && typeof parameter.typ === "object" && !("str" in parameter.typ))
    return jsonDefault(fallback, parameter.typ);
  return textOf(JSON.stringify(fallback), parameter.typ);
}

function jsonDefault(written: string, typ: Typ): string | null {
  try {
    JSON.parse(written);
  } catch {
    return written;
  }
  return textOf(written, typ);
}

function textOf(json: string, typ: Typ): string | null {
  if (json === "null") return null;
  if (typeof typ === "object" && ("object" in typ || "resource" in typ)) return json;
  if (typeof typ === "object" && "list" in typ && json.startsWith("[")) return arrayText(json, typ.list);
  if (typ === "int" && /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(json)) return integerText(json);
  if (!json.startsWith('"')) return json;
  const text = JSON.parse(json) as string;
  if (typ !== "bytes" || text.startsWith("\\x")) return text;
  return `\\x${Buffer.from(text.replace(/^data:[^,]*,/, ""), "base64").toString("hex")}`;
}

/** `5.0` and `1e3` are integers too. */
function integerText(json: string): string {
  const value = Number(json);
  return /^-?\d+$/.test(json) || !Number.isInteger(value) ? json : BigInt(value).toString();
}

function arrayText(json: string, element: Typ): string {
  const items = jsonElements(json).map((item) => {
    if (item.startsWith("[") && !(typeof element === "object" && "object" in element))
      return arrayText(item, typeof element === "object" && "list" in element ? element.list : element);
    const text = textOf(item, element);
    return text === null ? "NULL" : `"${text.replace(/["\\]/g, "\\$&")}"`;
  });
  return `{${items.join(",")}}`;
}
