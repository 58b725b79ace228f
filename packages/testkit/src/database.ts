import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { openPool, sql } from "@towermill/store";
import type { Database, PoolOptions } from "@towermill/store";
import { inject } from "vitest";
import { whenDone } from "./cleanup.ts";
import "./global-setup.ts";

export interface TestDatabase {
  /** For connections of the test's own; the test must close them. */
  readonly url: string;
  readonly db: Database;
  /** Closes `db` and removes the database; throws when connections were left open. Happens by itself at the end. */
  drop(): Promise<void>;
}

/**
 * A fresh, fully migrated database on the run's real PostgreSQL. Call it at the top of a test file
 * (`const { db } = await testDatabase()`): one per file, dropped after its last test, and the file fails if a
 * connection to it is still open then.
 */
export async function testDatabase(options: Omit<PoolOptions, "url"> = {}): Promise<TestDatabase> {
  const { url: serverUrl, template } = inject("testServer");
  const name = `test_${randomBytes(6).toString("hex")}`;
  const url = databaseUrl(serverUrl, name);
  const db = openPool({ applicationName: "testDatabase", ...options, url });
  let dropping: Promise<void> | undefined;
  const drop = (): Promise<void> => (dropping ??= dropDatabase({ serverUrl, name, db }));
  // A test that dropped it by hand has seen the outcome already.
  whenDone(() => dropping?.catch(() => undefined) ?? drop());
  await administer(serverUrl, async (admin) => {
    await admin.execute(sql`create database ${sql.ident(name)} template ${sql.ident(template)}`);
  });
  return { url, db, drop };
}

async function dropDatabase({ serverUrl, name, db }: { serverUrl: string; name: string; db: Database }): Promise<void> {
  const { open, idle } = db.usage();
  const held = open - idle;
  // A pool waits for its connections to come back: one that never does must not hang the run.
  if (held === 0) await db.close();
  await administer(serverUrl, async (admin) => {
    const left = held > 0 ? await connectionsTo(admin, name) : await connectionsLeft(admin, name);
    await admin.execute(sql`drop database if exists ${sql.ident(name)} with (force)`);
    if (left.length > 0) throw new Error(`connections to the test database were left open:\n${left.join("\n")}`);
  });
}

async function connectionsLeft(admin: Database, name: string): Promise<string[]> {
  // The server notices a closed connection a moment later.
  for (const deadline = performance.now() + 2000; ; await sleep(10)) {
    const left = await connectionsTo(admin, name);
    if (left.length === 0 || performance.now() > deadline) return left;
  }
}

async function connectionsTo(admin: Database, name: string): Promise<string[]> {
  const rows = await admin.query<{ application_name: string; state: string; query: string }>(
    sql`select application_name, coalesce(state, '?') as state, left(query, 120) as query
          from pg_stat_activity where datname = ${name} and backend_type = 'client backend'`,
  );
  return rows.map((row) => `${row.application_name} (${row.state}): ${row.query.replace(/\s+/g, " ")}`);
}

async function administer(serverUrl: string, work: (admin: Database) => Promise<void>): Promise<void> {
  const admin = openPool({ url: serverUrl, max: 1, applicationName: "testkit" });
  try {
    await work(admin);
  } finally {
    await admin.close();
  }
}

function databaseUrl(serverUrl: string, name: string): string {
  return serverUrl.replace(/\/[^/?]*\?/, `/${name}?`);
}
