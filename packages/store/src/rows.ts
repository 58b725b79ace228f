import { sql, type Sql } from "./sql.ts";
import { arrayLiteral } from "./wire-value.ts";

/** A part of a statement whose text is made only when it is new; its values are known without. */
export interface Piece {
  /** The values of `text()`, in its order. */
  values: readonly unknown[];
  text(): Sql;
}

/** A column of rows that travel as parameters. */
export interface Column<Row> {
  name: string;
  type: "uuid" | "text" | "json" | "jsonb" | "int4" | "int2" | "bool" | "timestamptz" | "float4" | "float8" | "bytea";
  of(row: Row): string | number | boolean | Buffer | null | undefined;
  /** A letter. Columns of one letter mostly have no value together: then they are no parameters. */
  optional?: string;
}

/** Rows as a part of a statement: what stands behind `from`, with the columns' names. */
export interface Source extends Piece {
  /** How a common table expression of them is read: in place where that is cheap. */
  keep: Sql;
  /** Tells texts apart. */
  shape: string;
}

const inPlace = sql`not materialized`;

/**
 * Rows as parameters of a statement. Few are written one by one: PostgreSQL reads them as constants, which saves a third
 * of what a statement costs it. Many are one JSON document, so that the statement's text does not depend on their number.
 */
export function sourceOf<Row>(
  name: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  few: boolean,
): Source {
  return few ? linesOf(name, columns, rows) : documentOf(name, columns, rows);
}

function linesOf<Row>(name: string, columns: readonly Column<Row>[], rows: readonly Row[]): Source {
  const lines: unknown[] = [];
  let letters = "";
  for (const row of rows) {
    for (const { of, optional } of columns) {
      const value = of(row) ?? null;
      lines.push(value);
      if (optional !== undefined && value !== null && !letters.includes(optional)) letters += optional;
    }
  }
  const isGiven = (index: number): boolean => {
    const optional = columns[index % columns.length]?.optional;
    return optional === undefined || letters.includes(optional);
  };
  const values: unknown[] = [];
  for (const [index, value] of lines.entries()) if (isGiven(index)) values.push(value);
  const line = (from: number): Sql =>
    sql.join(
      columns.map(({ type }, index) =>
        isGiven(index) ? sql`${lines[from + index]}::${sql.ident(type)}` : sql`null::${sql.ident(type)}`,
      ),
    );
  return {
    values,
    text: () =>
      sql`(values ${sql.join(rows.map((_, n) => sql`(${line(n * columns.length)})`))}) as ${sql.ident(name)} (${namesOf(columns)})`,
    keep: inPlace,
    shape: rows.length + (letters.length < 2 ? letters : [...letters].sort().join("")),
  };
}

/** What stands in a JSON document as a text of its own, so that it arrives letter by letter. */
const texts = new Set(["json", "jsonb", "bytea"]);

function documentOf<Row>(name: string, columns: readonly Column<Row>[], rows: readonly Row[]): Source {
  const document = JSON.stringify(rows.map((row) => memberOf(columns, row)));
  return {
    values: [document],
    text: () => {
      const fields = columns.map(({ name: column, type }) => sql`${sql.ident(column)} ${sql.ident(recordType(type))}`);
      const casts = columns.map(({ name: column, type }) => sql`${sql.ident(column)}::${sql.ident(type)}`);
      return sql`(select ${sql.join(casts)} from json_to_recordset(${document}::json) as document (${sql.join(fields)})) as
        ${sql.ident(name)} (${namesOf(columns)})`;
    },
    keep: sql.empty,
    shape: "",
  };
}

function recordType(type: string): string {
  return texts.has(type) ? "text" : type;
}

function memberOf<Row>(columns: readonly Column<Row>[], row: Row): Record<string, unknown> {
  const member: Record<string, unknown> = {};
  for (const { name, of } of columns) {
    const value = of(row);
    if (value === null || value === undefined) continue;
    // half a surrogate pair is no text to PostgreSQL: it becomes what it would as a parameter
    if (typeof value === "string") member[name] = value.toWellFormed();
    else member[name] = typeof value === "object" ? `\\x${value.toString("hex")}` : value;
  }
  return member;
}

function namesOf<Row>(columns: readonly Column<Row>[]): Sql {
  return sql.join(columns.map((column) => sql.ident(column.name)));
}

/** A list of texts as PostgreSQL writes it, for columns that are cast to `text[]`. */
export function arrayText(texts: readonly string[] | null | undefined): string | null {
  return texts ? arrayLiteral(texts) : null;
}
