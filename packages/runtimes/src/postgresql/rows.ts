import type pg from "pg";
import type { Collection } from "./directive.ts";
import { jsonOf } from "./value.ts";

/** What a row costs beside its text. */
const rowBytes = 16;

/** The rows of one statement, as JSON texts: all or the first, whole or their first column. */
export class Rows {
  readonly #collection: Collection;
  readonly #items: string[] = [];

  constructor(collection: Collection) {
    this.#collection = collection;
  }

  /** Adds a row; answers how many bytes that took. */
  add(row: readonly (string | null)[], fields: readonly pg.FieldDef[]): number {
    const { rows, scalar } = this.#collection;
    if (rows === "first" && this.#items.length > 0) return 0;
    const item = scalar ? firstColumn(row, fields) : objectOf(row, fields);
    this.#items.push(item);
    return Buffer.byteLength(item) + rowBytes;
  }

  result(): string {
    if (this.#collection.rows === "first") return this.#items[0] ?? "null";
    return `[${this.#items.join(",")}]`;
  }
}

function firstColumn(row: readonly (string | null)[], [field]: readonly pg.FieldDef[]): string {
  if (field === undefined) throw new Error("Could not collect sql scalar value: the row has no column");
  return jsonOf(row[0] ?? null, field.dataTypeID);
}

/** Of columns with the same name the last one stays. */
function objectOf(row: readonly (string | null)[], fields: readonly pg.FieldDef[]): string {
  const members = new Map<string, string>();
  fields.forEach(({ name, dataTypeID }, index) => members.set(name, jsonOf(row[index] ?? null, dataTypeID)));
  return `{${Array.from(members, ([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}

/** The result of a script from the rows of its statements, in their order. */
export function collect(statements: readonly Rows[], { statements: which }: Collection): string {
  const results = statements.map((rows) => rows.result());
  const isList = which === "all" || (which === "legacy" && results.length !== 1);
  return isList ? `[${results.join(",")}]` : (results.at(-1) ?? "[]");
}
