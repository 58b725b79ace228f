const oid = { bool: 16, bytea: 17, int8: 20, int2: 21, int4: 23, text: 25, oid: 26, json: 114 } as const;
const numbers = new Set<number>([oid.int8, oid.int2, oid.int4, oid.oid, 700, 701, 1700]);
const documents = new Set<number>([oid.json, 3802]);

/** Object identifiers of array types and of their elements, from PostgreSQL's `pg_type.dat`; text stands for the rest. */
const elements = new Map<number, number>([
  [1000, oid.bool],
  [1016, oid.int8],
  [1005, oid.int2],
  [1007, oid.int4],
  [1028, oid.oid],
  [1021, 700],
  [1022, 701],
  [1231, 1700],
  [199, oid.json],
  [3807, 3802],
  // bytea, char, name, text, bpchar, varchar, xml, uuid, inet, cidr, macaddr, money, interval, date and times, ranges
  ...[1001, 1002, 1003, 1009, 1014, 1015, 143, 2951, 1041, 651, 1040, 791, 1187, 1182, 1183, 1270, 1115, 1185].map(
    (array) => [array, oid.text] as const,
  ),
  ...[3905, 3907, 3909, 3911, 3913, 3927].map((array) => [array, oid.text] as const),
]);

/**
 * A value as JSON text, from PostgreSQL's text form: numbers keep all their digits, JSON is put in as it is, arrays
 * become arrays; dates, bytes (`\x…`) and everything else are strings, so are numbers that JSON has no word for.
 */
export function jsonOf(text: string | null, type: number): string {
  if (text === null) return "null";
  if (numbers.has(type)) return /^-?\d/.test(text) ? text : JSON.stringify(text);
  if (type === oid.bool) return text === "t" ? "true" : "false";
  if (documents.has(type)) return text;
  const element = elements.get(type);
  return element === undefined ? JSON.stringify(text) : arrayJson(text, element);
}

/** `{1,NULL,"a \"b\""}`, nested for more dimensions, with bounds in front where they are not the usual ones. */
const ITEM = /([{},])|"([^"\\]*(?:\\[^][^"\\]*)*)"|([^{},"]+)/g;

function arrayJson(text: string, element: number): string {
  const parts: string[] = [];
  const start = text.startsWith("[") ? text.indexOf("=") + 1 : 0;
  for (const [, mark, quoted, bare] of text.slice(start).matchAll(ITEM)) {
    if (mark !== undefined) parts.push(mark === "{" ? "[" : mark === "}" ? "]" : ",");
    else if (bare !== undefined) parts.push(bare === "NULL" ? "null" : jsonOf(bare, element));
    else parts.push(jsonOf((quoted ?? "").replace(/\\([^])/g, "$1"), element));
  }
  return parts.join("");
}
