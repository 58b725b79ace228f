import pg from "pg";
import type { Log } from "./log.ts";
import { silentLog } from "./log.ts";
import type { Migration } from "./migration-file.ts";
import { readMigrations } from "./migration-file.ts";

export interface MigrateOptions {
  /** A direct connection is best; PgBouncer in transaction mode works too (every lock is a transaction's). */
  readonly url: string;
  /** Folder of numbered .sql files; default: the product's own. */
  readonly folder?: string;
  readonly log?: Log;
}

export interface MigrationStatus {
  /** Version of the server, `18.4`. */
  readonly postgres: string;
  readonly applied: readonly { name: string; appliedAt: Date }[];
  /** File names still to apply. */
  readonly pending: readonly string[];
  /** Why this program must not use this database, if so. */
  readonly problem: string | undefined;
}

/** The database and this program do not fit together; the message is one sentence for the operator. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
}

interface Applied {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
  readonly applied_at: Date;
}

const oldestPostgres = 140_000;
// Any constant: the key every Towermill process locks while it migrates.
const lockKey = "7083914625530001";

/**
 * Brings the database to this program's schema and returns the names applied (none = it was up to date). Each file runs
 * in its own transaction under a lock, so several processes may start at once and a kill at any moment is repaired by
 * the next run. Throws {@link MigrationError} for a database that is too old, newer than the program, read-only, or was
 * migrated by a file that has changed since.
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const log = options.log ?? silentLog;
  const migrations = readMigrations(options.folder);
  return connected(options.url, async (client) => {
    await requirePostgres(client);
    const done: string[] = [];
    for (;;) {
      const name = await applyNext(client, migrations);
      if (name === undefined) return done;
      log.info({ migration: name }, "applied a migration");
      done.push(name);
    }
  });
}

/** What is applied and what is pending, for `doctor`; changes nothing. */
export async function migrationStatus(options: MigrateOptions): Promise<MigrationStatus> {
  const migrations = readMigrations(options.folder);
  return connected(options.url, async (client) => {
    const { rows } = await client.query<{ server_version: string }>("show server_version");
    const exists = await client.query("select 1 where to_regclass('migration') is not null");
    const applied = exists.rowCount === 0 ? [] : await readApplied(client);
    return {
      postgres: rows[0]?.server_version.split(" ")[0] ?? "unknown",
      applied: applied.map(({ name, applied_at }) => ({ name, appliedAt: applied_at })),
      pending: migrations.slice(applied.length).map(({ name }) => name),
      problem: (await postgresProblem(client)) ?? historyProblem(applied, migrations),
    };
  });
}

async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    application_name: "towermill migrate",
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function requirePostgres(client: pg.Client): Promise<void> {
  const problem = await postgresProblem(client);
  if (problem !== undefined) throw new MigrationError(problem);
}

async function postgresProblem(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query<{ number: number; version: string; standby: boolean; encoding: string }>(
    `select current_setting('server_version_num')::int as number, current_setting('server_version') as version,
            pg_is_in_recovery() as standby, current_setting('server_encoding') as encoding`,
  );
  const [server] = rows;
  if (server === undefined) return "the database did not tell its version";
  if (server.number < oldestPostgres) {
    return `PostgreSQL ${server.version} is too old: Towermill needs PostgreSQL 14 or newer`;
  }
  if (server.standby) return "this PostgreSQL is a read-only standby: point DATABASE_URL at the primary";
  if (server.encoding !== "UTF8") {
    return `the database's encoding is ${server.encoding}: create one with encoding UTF8 and point DATABASE_URL at it`;
  }
  return undefined;
}

async function applyNext(client: pg.Client, migrations: readonly Migration[]): Promise<string | undefined> {
  await client.query("begin");
  try {
    const next = await lockNext(client, migrations);
    if (next !== undefined) await apply(client, next);
    await client.query("commit");
    return next?.name;
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}

async function lockNext(client: pg.Client, migrations: readonly Migration[]): Promise<Migration | undefined> {
  // A role's own timeouts must not end a long migration; waiting for the other starters may take as long as theirs.
  await client.query("set local statement_timeout = 0; set local lock_timeout = 0");
  await client.query("set local idle_in_transaction_session_timeout = 0; set local client_min_messages = warning");
  await client.query(`select pg_advisory_xact_lock(${lockKey})`);
  await client.query(
    `create table if not exists migration (
       number int primary key, name text not null, checksum text not null,
       applied_at timestamptz not null default clock_timestamp())`,
  );
  const applied = await readApplied(client);
  const problem = historyProblem(applied, migrations);
  if (problem !== undefined) throw new MigrationError(problem);
  return migrations[applied.length];
}

async function apply(client: pg.Client, { number, name, checksum, text }: Migration): Promise<void> {
  // DDL that waits behind a long transaction makes every later statement wait behind it: give up instead.
  await client.query("set local lock_timeout = '60s'");
  try {
    await client.query(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new MigrationError(`migration ${name} failed and was undone: ${reason}${placeOf(error, text)}`, {
      cause: error,
    });
  }
  await client.query("insert into migration (number, name, checksum) values ($1, $2, $3)", [number, name, checksum]);
}

function placeOf(error: unknown, text: string): string {
  if (!(error instanceof pg.DatabaseError) || error.position === undefined) return "";
  return ` (line ${text.slice(0, Number(error.position)).split("\n").length})`;
}

async function readApplied(client: pg.Client): Promise<Applied[]> {
  const { rows } = await client.query<Applied>(
    "select number, name, checksum, applied_at from migration order by number",
  );
  return rows;
}

function historyProblem(applied: readonly Applied[], migrations: readonly Migration[]): string | undefined {
  const newest = applied.at(-1);
  if (newest !== undefined && newest.number > migrations.length) {
    return (
      `this database is newer than this program: it has migration ${newest.name}, the program knows ` +
      `${migrations.length} of ${newest.number}; start the newer Towermill, or restore a backup from before the upgrade`
    );
  }
  for (const [index, { number, name, checksum }] of applied.entries()) {
    const migration = migrations[index];
    if (migration === undefined || migration.number !== number) {
      return `the table migration has ${name} where number ${index + 1} is due: restore it from a backup`;
    }
    if (migration.checksum !== checksum) {
      return `migration ${migration.name} was changed after it was applied here: restore the file and add a new one instead`;
    }
  }
  return undefined;
}
