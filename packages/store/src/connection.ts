import type pg from "pg";
import type { Queryable } from "./database.ts";
import { breaksConnection } from "./failure.ts";
import { knownColumns, noteColumns, runKnown, type Answer } from "./known-statement.ts";
import type { Sql } from "./sql.ts";

/** Statements over one connection that somebody else opens and gives back. */
export class ConnectionQueries implements Queryable {
  readonly #client: pg.ClientBase;
  readonly #named: boolean;
  #ended = false;
  /** Set once an error left the connection unusable: close it instead of giving it back. */
  broken = false;

  /** With `named` false the names of statements are ignored (PgBouncer in transaction mode cannot keep them). */
  constructor(client: pg.ClientBase, named: boolean) {
    this.#client = client;
    this.#named = named;
  }

  async query<Row extends object>(statement: Sql): Promise<Row[]> {
    return (await this.send<Row>(statement)).rows;
  }

  async one<Row extends object>(statement: Sql): Promise<Row> {
    const { rows } = await this.send<Row>(statement);
    const [row] = rows;
    if (row === undefined || rows.length > 1) throw wrongCount("one row", rows.length, statement);
    return row;
  }

  async maybe<Row extends object>(statement: Sql): Promise<Row | undefined> {
    const { rows } = await this.send<Row>(statement);
    if (rows.length > 1) throw wrongCount("at most one row", rows.length, statement);
    return rows[0];
  }

  async execute(statement: Sql): Promise<number> {
    return (await this.send(statement)).rowCount ?? 0;
  }

  /** Sends a fixed text (several statements allowed); answers the command tag of the last one. */
  async command(text: string): Promise<string> {
    try {
      const result: pg.QueryResult | pg.QueryResult[] = await this.#client.query(text);
      return (Array.isArray(result) ? result.at(-1) : result)?.command ?? "";
    } catch (error) {
      this.broken ||= breaksConnection(error);
      throw error;
    }
  }

  /** Later statements are refused: the connection may serve somebody else by then. */
  end(): void {
    this.#ended = true;
  }

  async send<Row extends object>(statement: Sql): Promise<Answer<Row>> {
    if (this.#ended) throw new Error(`the transaction of this statement has ended: ${labelOf(statement)}`);
    const { text, values, name } = statement;
    const config = { text, values: values as unknown[] };
    try {
      if (!this.#named || name === undefined) return await this.#client.query<Row>(config);
      const columns = knownColumns(this.#client, name);
      if (columns) return await runKnown<Row>(this.#client, { name, values }, columns);
      const answer = await this.#client.query<Row>({ ...config, name });
      noteColumns(this.#client, name, answer.fields);
      return answer;
    } catch (error) {
      this.broken ||= breaksConnection(error);
      if (error instanceof Error) Object.assign(error, { statement: labelOf(statement) });
      throw error;
    }
  }
}

function wrongCount(expected: string, found: number, statement: Sql): Error {
  return new Error(`expected ${expected}, found ${found}: ${labelOf(statement)}`);
}

function labelOf({ name, text }: Sql): string {
  return name ?? text.replace(/\s+/g, " ").trim().slice(0, 200);
}
