import { sql, type Sql } from "@towermill/store";

/** A part of a statement whose text is made only when it is new; its values are known without. */
export interface Piece {
  /** The values of `text()`, in its order. */
  values: readonly unknown[];
  text(): Sql;
}

/** A column of rows that travel as parameters. */
export interface Column<Row> {
  name: string;
  type: Sql;
  of(row: Row): unknown;
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
 * of what a statement costs it. Many are arrays, so that the statement's text does not depend on their number.
 */
export function sourceOf<Row>(name: Sql, columns: readonly Column<Row>[], rows: readonly Row[], few: boolean): Source {
  const values = few ? singlesOf(columns, rows) : columns.map(({ of }) => rows.map((row) => of(row) ?? null));
  return {
    values,
    text: () => (few ? linesOf(name, columns, values) : arraysOf(name, columns, values)),
    keep: few ? inPlace : sql.empty,
    shape: few ? String(rows.length) : "",
  };
}

function singlesOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): unknown[] {
  const values: unknown[] = [];
  for (const row of rows) for (const { of } of columns) values.push(of(row) ?? null);
  return values;
}

function linesOf<Row>(name: Sql, columns: readonly Column<Row>[], values: readonly unknown[]): Sql {
  const lines: Sql[] = [];
  for (let at = 0; at < values.length; at += columns.length) {
    lines.push(sql`(${sql.join(columns.map(({ type }, index) => sql`${values[at + index]}::${type}`))})`);
  }
  return sql`(values ${sql.join(lines)}) as ${name} (${namesOf(columns)})`;
}

function arraysOf<Row>(name: Sql, columns: readonly Column<Row>[], values: readonly unknown[]): Sql {
  const arrays = columns.map(({ type }, index) => sql`${values[index]}::${type}[]`);
  return sql`unnest(${sql.join(arrays)}) as ${name} (${namesOf(columns)})`;
}

function namesOf<Row>(columns: readonly Column<Row>[]): Sql {
  return sql.join(columns.map((column) => sql.ident(column.name)));
}

/** A list of texts as PostgreSQL writes it, for columns that are cast to `text[]`. */
export function arrayText(texts: readonly string[] | null | undefined): string | null {
  return texts ? `{${texts.map((text) => `"${text.replaceAll(/[\\"]/g, "\\$&")}"`).join(",")}}` : null;
}
