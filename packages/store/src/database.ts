import type { Retry } from "./retry.ts";
import type { Sql } from "./sql.ts";

/** Something statements can be sent to: a {@link Database}, or one transaction of it. `Row` is trusted, not checked. */
export interface Queryable {
  /** All rows. */
  query<Row extends object = Record<string, unknown>>(statement: Sql): Promise<Row[]>;
  /** The only row; throws when there is none or more than one. */
  one<Row extends object = Record<string, unknown>>(statement: Sql): Promise<Row>;
  /** The only row or `undefined`; throws when there is more than one. */
  maybe<Row extends object = Record<string, unknown>>(statement: Sql): Promise<Row | undefined>;
  /** Number of rows written (or selected). */
  execute(statement: Sql): Promise<number>;
}

export interface TransactionOptions {
  /** When to run `work` again; default `conflict`. `idempotent` only if `work` may safely be committed twice. */
  readonly retry?: Retry;
  readonly isolation?: "read committed" | "repeatable read" | "serializable";
}

export interface Database extends Queryable {
  /**
   * Runs `work` in one transaction: committed when it resolves, rolled back when it throws. It may run more than once.
   * Inside it, send one statement at a time; the transaction cannot be used after `work` has ended.
   */
  transaction<T>(work: (tx: Queryable) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Connections open, idle among them, and requests waiting for one. */
  usage(): { open: number; idle: number; waiting: number };
  /** Waits for running statements, then closes every connection. May be called twice. */
  close(): Promise<void>;
}
