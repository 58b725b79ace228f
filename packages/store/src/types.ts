import pg from "pg";

const oid = { json: 114, jsonArray: 199, int8: 20, int8Array: 1016, date: 1082, textArray: 1009 } as const;

export type JsonAs = "text" | "value";

/** Number when exact, else the digits: a count never loses precision silently. */
function readInt8(text: string): number | string {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : text;
}

type ReadText = (text: string) => unknown;
const parserOf = pg.types.getTypeParser as (id: number, format?: string) => ReadText;

/**
 * How columns become values: `json` as its exact text (or parsed, on request), `jsonb` parsed, `int8` as number when
 * exact, `timestamptz` as Date, `date` as its text, `numeric` as its text.
 */
export function columnTypes(jsonAs: JsonAs): pg.CustomTypesConfig {
  const readTexts = parserOf(oid.textArray) as (text: string) => (string | null)[];
  const own = new Map<number, ReadText>([
    [oid.int8, readInt8],
    [oid.int8Array, (text) => readTexts(text).map((item) => (item === null ? null : readInt8(item)))],
    [oid.date, String],
  ]);
  if (jsonAs === "text") own.set(oid.json, String).set(oid.jsonArray, readTexts);
  const find = (id: number, format?: string): ReadText => {
    const reader = format === "binary" ? undefined : own.get(id);
    return reader ?? parserOf(id, format);
  };
  return { getTypeParser: find as typeof pg.types.getTypeParser };
}
