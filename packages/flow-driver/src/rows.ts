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

/**
 * Rows as parameters of a statement. Few are written one by one: PostgreSQL reads them as constants, which saves a third
 * of what a statement costs it. Many are arrays, so that the statement's text does not depend on their number.
 */
export function sourceOf<Row>(name: Sql, columns: readonly Column<Row>[], rows: readonly Row[], few: boolean): Source {
  const names = (): Sql => sql.join(columns.map((column) => sql.ident(column.name)));
  if (few) {
    const line = (row: Row): Sql => sql`(${sql.join(columns.map(({ type, of }) => sql`${of(row) ?? null}::${type}`))})`;
    return {
      values: rows.flatMap((row) => columns.map(({ of }) => of(row) ?? null)),
      text: () => sql`(values ${sql.join(rows.map(line))}) as ${name} (${names()})`,
      keep: sql`not materialized`,
      shape: String(rows.length),
    };
  }
  const values = columns.map(({ of }) => rows.map((row) => of(row) ?? null));
  return {
    values,
    text: () =>
      sql`unnest(${sql.join(columns.map(({ type }, index) => sql`${values[index]}::${type}[]`))}) as ${name} (${names()})`,
    keep: sql.empty,
    shape: "",
  };
}

/** A list of texts as PostgreSQL writes it, for columns that are cast to `text[]`. */
export function arrayText(texts: readonly string[] | null | undefined): string | null {
  return texts ? `{${texts.map((text) => `"${text.replaceAll(/[\\"]/g, "\\$&")}"`).join(",")}}` : null;
}
