import type pg from "pg";
import { serialize } from "pg-protocol";
import { wireValue } from "./wire-value.ts";

/** A column of an answer, and how its text becomes a value. */
interface Column {
  name: string;
  read(text: string): unknown;
}

/** What a statement answered. */
export interface Answer<Row> {
  rows: Row[];
  rowCount: number | null;
}

const columnsByName = new WeakMap<pg.ClientBase, Map<string, readonly Column[]>>();

/** Columns of the answers of a statement that this connection ran before, `undefined` when it never did. */
export function knownColumns(client: pg.ClientBase, name: string): readonly Column[] | undefined {
  return columnsByName.get(client)?.get(name);
}

/** Notes the columns that the first run of a named statement told. */
export function noteColumns(client: pg.ClientBase, name: string, fields: readonly pg.FieldDef[]): void {
  const known = columnsByName.get(client) ?? new Map<string, readonly Column[]>();
  columnsByName.set(client, known);
  const columns = fields.map(({ name: column, dataTypeID }) => ({
    name: column,
    read: client.getTypeParser(dataTypeID, "text") as (text: string) => unknown,
  }));
  known.set(name, columns);
}

/**
 * Runs a named statement that the connection ran before: what pg's own query does, without asking for the columns with
 * every answer, and in one write. That is most of what the hot statements cost this process.
 */
export function runKnown<Row>(
  client: pg.ClientBase,
  statement: { name: string; values: readonly unknown[] },
  columns: readonly Column[],
): Promise<Answer<Row>> {
  return new Promise((resolve, reject) => {
    // a value that cannot be written is refused here: within `submit` it would leave the connection waiting
    const bind = serialize.bind({ statement: statement.name, values: statement.values.map(wireValue) });
    const done: Done<Row> = (error, answer) => (error ? reject(error) : resolve(answer));
    client.query(new KnownStatement<Row>(bind, columns, done));
  });
}

type Done<Row> = (error: Error | null, answer: Answer<Row>) => void;

const execute = Buffer.concat([serialize.execute(), serialize.sync()]);
/** Bytes of a message that is copied to be sent together with what follows it. */
const largestCopy = 65_536;

/** A query as pg's client drives it: the interface of pg-cursor and pg-query-stream. */
class KnownStatement<Row> implements pg.Submittable {
  /** pg's client replaces it by one that minds the time limit. */
  callback: Done<Row>;
  readonly #bind: Buffer;
  readonly #columns: readonly Column[];
  readonly #answer: Answer<Row> = { rows: [], rowCount: null };
  #failure: Error | null = null;

  constructor(bind: Buffer, columns: readonly Column[], callback: Done<Row>) {
    this.#bind = bind;
    this.#columns = columns;
    this.callback = callback;
  }

  submit({ stream }: pg.Connection): void {
    if (this.#bind.length < largestCopy) return void stream.write(Buffer.concat([this.#bind, execute]));
    stream.write(this.#bind);
    stream.write(execute);
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    const row: Record<string, unknown> = {};
    try {
      for (let at = 0; at < this.#columns.length; at += 1) {
        const column = this.#columns[at];
        const text = fields[at];
        if (column) row[column.name] = text === null || text === undefined ? null : column.read(text);
      }
    } catch (error) {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    }
    this.#answer.rows.push(row as Row);
  }

  /** `text` is the command tag: `SELECT 3`, `INSERT 0 1`. */
  handleCommandComplete({ text }: { text: string }): void {
    const count = Number(text.slice(text.lastIndexOf(" ") + 1));
    this.#answer.rowCount = Number.isNaN(count) ? null : count;
  }

  handleError(error: Error): void {
    this.callback(error, this.#answer);
  }

  handleReadyForQuery(): void {
    this.callback(this.#failure, this.#answer);
  }
}
