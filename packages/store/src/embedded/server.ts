import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { errorCode } from "../failure.ts";
import type { Log } from "../log.ts";
import type { Cluster } from "./cluster.ts";
import { ownerName } from "./cluster.ts";
import { EmbeddedError } from "./embedded-error.ts";
import type { Postmaster } from "./postmaster.ts";
import { launchPostmaster } from "./postmaster.ts";

interface ServerOptions {
  readonly cluster: Cluster;
  /** Of the database `postgres`, which always exists. */
  readonly adminUrl: string;
  readonly log: Log;
}

const orphanPatienceMs = 20_000;
const startPatienceMs = 60_000;

/** Starts the server and resolves once it accepts connections and the product's database exists. */
export async function startServer(options: ServerOptions): Promise<Postmaster> {
  const deadline = performance.now() + orphanPatienceMs;
  for (;;) {
    const postmaster = await launchPostmaster(options.cluster);
    try {
      await untilReady(postmaster, options);
      await createDatabase(options.adminUrl);
      return postmaster;
    } catch (error) {
      await postmaster.stop();
      // After a kill -9 of the server its sessions live on for a moment and hold the shared memory.
      const orphans =
        error instanceof Error && /shared memory block|postmaster\.pid" already exists/.test(error.message);
      if (!orphans || performance.now() > deadline) throw error;
      await sleep(200);
    }
  }
}

async function untilReady(postmaster: Postmaster, { cluster, adminUrl, log }: ServerOptions): Promise<void> {
  const deadline = performance.now() + startPatienceMs;
  const slow = performance.now() + 2_000;
  let told = false;
  for (;;) {
    if (postmaster.hasEnded()) throw startError(cluster.folder, await postmaster.ended);
    const failure = await tryConnection(adminUrl);
    if (failure === undefined) return;
    const recovering = errorCode(failure) === "57P03";
    if (errorCode(failure) === "28P01") {
      throw new EmbeddedError(
        `the password file beside ${cluster.folder} is not the one of this database: restore it from a backup`,
      );
    }
    // Recovery after a crash takes as long as it takes; silence does not.
    if (!recovering && performance.now() > deadline) {
      throw new EmbeddedError(`the database in ${cluster.folder} does not answer: ${reasonOf(failure)}`);
    }
    if (recovering && !told && performance.now() > slow) {
      log.info({ folder: cluster.folder }, "the database was not shut down in order and is still recovering");
      told = true;
    }
    await sleep(15);
  }
}

async function tryConnection(url: string): Promise<unknown> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5000,
    application_name: "towermill start",
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return undefined;
  } catch (error) {
    return error ?? new Error("no connection");
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function createDatabase(adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl, application_name: "towermill start" });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { rowCount } = await client.query("select 1 from pg_database where datname = $1", [ownerName]);
    if (rowCount === 0) await client.query(`create database ${ownerName}`);
  } finally {
    await client.end();
  }
}

function startError(folder: string, lastWords: string): EmbeddedError {
  if (/No space left on device/.test(lastWords)) {
    return new EmbeddedError(
      `the database in ${folder} cannot start, the disk is full: free some space and start again`,
    );
  }
  return new EmbeddedError(
    `the database in ${folder} does not start: ${lastWords || "PostgreSQL ended without a word"}`,
  );
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
