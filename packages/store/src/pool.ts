import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { ConnectionQueries } from "./connection.ts";
import type { Database, Queryable, TransactionOptions } from "./database.ts";
import type { Log } from "./log.ts";
import { silentLog } from "./log.ts";
import { retrying } from "./retry.ts";
import type { Sql } from "./sql.ts";
import { columnTypes } from "./types.ts";
import type { JsonAs } from "./types.ts";

export interface PoolOptions {
  /** `postgresql://user:password@host/database`; for a unix socket `postgresql://user:password@/database?host=/folder`. */
  readonly url: string;
  /** Most connections open at once; default 10. */
  readonly max?: number;
  readonly applicationName?: string;
  /** Default 30 s. */
  readonly statementTimeoutMs?: number;
  /** Default 5 s. */
  readonly lockTimeoutMs?: number;
  /** Default 5 s; also how long to wait for a free connection. */
  readonly connectTimeoutMs?: number;
  /** Default 30 s. */
  readonly idleInTransactionTimeoutMs?: number;
  /** Behind PgBouncer in transaction mode: no named statements, no session settings. Default false. */
  readonly pooler?: boolean;
  /** `json` columns as their exact text (default) or parsed. */
  readonly json?: JsonAs;
  readonly log?: Log;
}

/** Opens a pool on PostgreSQL. Connects on first use; a lost connection is replaced, never a crash of the process. */
export function openPool(options: PoolOptions): Database {
  return new PooledDatabase(options);
}

/** Of so many connections a quarter is kept for named statements. */
const leastForLanes = 8;

class PooledDatabase implements Database {
  readonly #lanes: readonly Lane[];
  /** Statements without a name and transactions. */
  readonly #main: Lane;
  /**
   * Named statements: the hot ones, which do not wait behind a slow list here. They are planned once per connection: left
   * to itself, PostgreSQL plans some of them anew each time, which costs several times what running them does.
   */
  readonly #named: Lane;
  readonly #localSettings: string;
  #closing: Promise<void> | undefined;

  constructor(options: PoolOptions) {
    const { max = 10, pooler = false } = options;
    const named = pooler || max < leastForLanes ? 0 : Math.floor(max / 4);
    this.#localSettings = pooler ? localSettings(options) : "";
    this.#main = new Lane({ ...options, max: max - named });
    this.#named =
      named === 0 ? this.#main : new Lane({ ...options, max: named }, "-c plan_cache_mode=force_generic_plan");
    this.#lanes = [...new Set([this.#main, this.#named])];
  }

  query<Row extends object>(statement: Sql): Promise<Row[]> {
    return this.#laneOf(statement).connected((queries) => queries.query<Row>(statement));
  }
  one<Row extends object>(statement: Sql): Promise<Row> {
    return this.#laneOf(statement).connected((queries) => queries.one<Row>(statement));
  }
  maybe<Row extends object>(statement: Sql): Promise<Row | undefined> {
    return this.#laneOf(statement).connected((queries) => queries.maybe<Row>(statement));
  }
  execute(statement: Sql): Promise<number> {
    return this.#laneOf(statement).connected((queries) => queries.execute(statement));
  }

  transaction<T>(work: (tx: Queryable) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    const isolation = options.isolation ? ` isolation level ${options.isolation}` : "";
    const begin = `begin${isolation}${this.#localSettings}`;
    const once = (): Promise<T> => this.#main.connected((tx) => transact(tx, begin, work));
    return retrying(once, { retry: options.retry ?? "conflict" });
  }

  usage(): { open: number; idle: number; waiting: number } {
    const sum = (read: (lane: Lane) => number): number => this.#lanes.reduce((total, lane) => total + read(lane), 0);
    return {
      open: sum(({ pool }) => pool.totalCount),
      idle: sum((lane) => lane.idleCount),
      waiting: sum(({ pool }) => pool.waitingCount),
    };
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all(this.#lanes.map((lane) => lane.close())).then(() => undefined);
    return this.#closing;
  }

  #laneOf({ name }: Sql): Lane {
    return name === undefined ? this.#main : this.#named;
  }
}

/** Connections of one kind. */
class Lane {
  readonly pool: pg.Pool;
  readonly #named: boolean;
  readonly #connections = new Connections();
  /** Of hot connections those that nobody uses: giving one back to the pool and taking it again costs as much as a small statement. */
  readonly #kept: pg.PoolClient[] = [];
  readonly #keeps: boolean;
  #closing = false;

  /** @param settings command-line options of each connection's server process */
  constructor(options: PoolOptions, settings?: string) {
    const log = options.log ?? silentLog;
    this.#named = !options.pooler;
    this.#keeps = settings !== undefined;
    // hot connections stay: a timer for each statement that gives one back would cost more than an idle one does
    const hot = settings === undefined ? {} : { options: settings, idleTimeoutMillis: 0 };
    this.pool = new pg.Pool({ ...poolConfig(options), ...hot });
    this.pool.on("error", (error) => {
      if (!this.#closing) log.warn({ err: error }, "an idle database connection was lost");
    });
    // A client that is checked out has no listener of the pool: without this one, losing it ends the process.
    this.pool.on("connect", (client) =>
      client.on("error", (error) => {
        if (this.#drop(client)) log.warn({ err: error }, "an idle database connection was lost");
      }),
    );
    this.pool.on("connect", (client) => this.#connections.add(client));
  }

  // Not pool.query: that closes the connection on every error, a unique violation included.
  async connected<T>(work: (queries: ConnectionQueries) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    const queries = new ConnectionQueries(client, this.#named);
    try {
      return await work(queries);
    } finally {
      queries.end();
      // somebody who waits in the pool's line is served from there
      const keep = this.#keeps && !queries.broken && !this.#closing && this.pool.waitingCount === 0;
      if (keep) this.#kept.push(client);
      else client.release(queries.broken);
    }
  }

  /** Connections that nobody uses. */
  get idleCount(): number {
    return this.pool.idleCount + this.#kept.length;
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const client of this.#kept.splice(0)) client.release();
    await this.pool.end();
    await this.#connections.closed();
  }

  #drop(client: pg.PoolClient): boolean {
    const at = this.#kept.indexOf(client);
    if (at === -1) return false;
    this.#kept.splice(at, 1);
    client.release(true);
    return true;
  }

  async #connect(): Promise<pg.PoolClient> {
    const kept = this.#kept.pop();
    if (kept) return kept;
    try {
      return await this.pool.connect();
    } catch (error) {
      const { max } = this.pool.options;
      if (error instanceof Error && error.message.startsWith("timeout exceeded") && this.pool.totalCount >= max) {
        error.message += `: all ${max} connections of this process are in use; raise the pool size or find what holds them`;
      }
      throw error;
    }
  }
}

/** The connections of a pool until they are really closed: pg's pool says "ended" while its goodbyes are on the way. */
class Connections {
  readonly #open = new Set<Promise<void>>();

  add(client: pg.PoolClient): void {
    const ended = new Promise<void>((resolve) => client.once("end", () => resolve()));
    this.#open.add(ended);
    void ended.then(() => this.#open.delete(ended));
  }

  /** Resolves when all are closed, or after 2 s for a server that does not answer. */
  async closed(): Promise<void> {
    const patience = new AbortController();
    const giveUp = sleep(2_000, undefined, { signal: patience.signal, ref: false }).catch(() => undefined);
    await Promise.race([Promise.all(this.#open), giveUp]);
    patience.abort();
  }
}

async function transact<T>(tx: ConnectionQueries, begin: string, work: (tx: Queryable) => Promise<T>): Promise<T> {
  try {
    await tx.command(begin);
    const result = await work(tx);
    // COMMIT of a failed transaction answers ROLLBACK without any error.
    if ((await tx.command("commit")) === "ROLLBACK") {
      throw new Error("the transaction was rolled back: a statement in it failed and its error was not passed on");
    }
    return result;
  } catch (error) {
    if (!tx.broken) await tx.command("rollback").catch(() => (tx.broken = true));
    throw error;
  }
}

interface Timeouts {
  readonly statement: number;
  readonly lock: number;
  readonly idleInTransaction: number;
}

function timeoutsOf(options: PoolOptions): Timeouts {
  return {
    statement: options.statementTimeoutMs ?? 30_000,
    lock: options.lockTimeoutMs ?? 5_000,
    idleInTransaction: options.idleInTransactionTimeoutMs ?? 30_000,
  };
}

function poolConfig(options: PoolOptions): pg.PoolConfig {
  const timeouts = timeoutsOf(options);
  const session = {
    statement_timeout: timeouts.statement,
    lock_timeout: timeouts.lock,
    idle_in_transaction_session_timeout: timeouts.idleInTransaction,
  };
  return {
    connectionString: options.url,
    application_name: options.applicationName ?? "towermill",
    max: options.max ?? 10,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    // The server ends a slow statement; this one is for a server that no longer answers at all.
    query_timeout: timeouts.statement + 2_000,
    types: columnTypes(options.json ?? "text"),
    ...(options.pooler ? {} : session),
  };
}

// PgBouncer refuses these as start-up parameters and forgets SET between transactions; SET LOCAL holds.
function localSettings(options: PoolOptions): string {
  const { statement, lock, idleInTransaction } = timeoutsOf(options);
  return [
    "",
    `set local statement_timeout = ${Math.trunc(statement)}`,
    `set local lock_timeout = ${Math.trunc(lock)}`,
    `set local idle_in_transaction_session_timeout = ${Math.trunc(idleInTransaction)}`,
  ].join("; ");
}
