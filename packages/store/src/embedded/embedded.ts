import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import type { Log } from "../log.ts";
import { silentLog } from "../log.ts";
import { serverAccount } from "./account.ts";
import { findBinaries } from "./binaries.ts";
import type { Cluster } from "./cluster.ts";
import { clusterOwner, createCluster, ownerName } from "./cluster.ts";
import { EmbeddedError, explainFolder } from "./embedded-error.ts";
import { Keeper } from "./keeper.ts";
import { lockFolder } from "./folder-lock.ts";
import { makeFolder } from "./make-folder.ts";
import type { Postmaster } from "./postmaster.ts";
import { startServer } from "./server.ts";
import { serverSettings } from "./settings.ts";
import type { SocketFolder } from "./socket-folder.ts";
import { openSocketFolder } from "./socket-folder.ts";
import { endStray } from "./stray.ts";

export interface EmbeddedOptions {
  /** Folder for the database and what belongs to it; made (mode 0700) if missing. */
  readonly dataFolder: string;
  readonly log?: Log;
  /** False only for tests: faster, but a power cut may lose data. Default true. */
  readonly durable?: boolean;
}

export interface EmbeddedPostgres {
  /** For {@link openPool}; reachable only by this user, through a unix socket. */
  readonly url: string;
  /** `18.4` */
  readonly version: string;
  /** Process id of the server; another one after it had to be restarted. */
  readonly pid: number;
  /** Shuts the server down in order and gives the data folder back. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Starts the PostgreSQL that comes with the program, on a unix socket only, and keeps it running: if the server dies it
 * is started again, if this process dies the server shuts down. Throws {@link EmbeddedError} with a sentence for the
 * operator, {@link DataFolderBusy} when another process uses the folder.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  if (process.platform === "win32") {
    throw new EmbeddedError("the embedded PostgreSQL needs unix sockets: on Windows use WSL, or set DATABASE_URL");
  }
  const { dataFolder } = options;
  try {
    makeFolder(resolve(dataFolder), 0o700);
    const folder = realpathSync(dataFolder);
    const unlock = lockFolder(folder);
    try {
      return await startLocked({ ...options, dataFolder: folder }, unlock);
    } catch (error) {
      unlock();
      throw error;
    }
  } catch (error) {
    throw explainFolder(dataFolder, error);
  }
}

async function startLocked(options: EmbeddedOptions, unlock: () => void): Promise<EmbeddedPostgres> {
  const { dataFolder, durable = true, log = silentLog } = options;
  const folder = join(dataFolder, "cluster");
  const account = serverAccount(clusterOwner(folder));
  const cluster: Cluster = { folder, account, binaries: findBinaries({ account, dataFolder }) };
  const password = readPassword(dataFolder, existsSync(folder));
  createCluster(cluster, { password, sync: durable });
  writeSettings(folder, serverSettings({ durable }));
  const socket = openSocketFolder(dataFolder, folder);
  try {
    const urlOf = (database: string): string =>
      `postgresql://${ownerName}:${password}@/${database}?host=${encodeURIComponent(socket.path)}`;
    const start = async (): Promise<Postmaster> => {
      await endStray(folder, socket.path);
      return startServer({ cluster, adminUrl: urlOf("postgres"), log });
    };
    const keeper = new Keeper({ start, log, first: await start() });
    log.info({ version: cluster.binaries.version, folder, account: account?.name }, "the embedded PostgreSQL is up");
    return handle({ url: urlOf(ownerName), version: cluster.binaries.version, keeper, socket, unlock });
  } catch (error) {
    socket.remove();
    throw error;
  }
}

interface Running {
  readonly url: string;
  readonly version: string;
  readonly keeper: Keeper;
  readonly socket: SocketFolder;
  readonly unlock: () => void;
}

function handle({ url, version, keeper, socket, unlock }: Running): EmbeddedPostgres {
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await keeper.stop();
    socket.remove();
    unlock();
  };
  return {
    url,
    version,
    get pid() {
      return keeper.pid;
    },
    stop: () => (stopping ??= stop()),
  };
}

function readPassword(dataFolder: string, clusterExists: boolean): string {
  const file = join(dataFolder, "password");
  if (existsSync(file)) {
    if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
    return readFileSync(file, "utf8").trim();
  }
  if (clusterExists) {
    throw new EmbeddedError(
      `${file}, the database's password, is missing: restore it from a backup, or choose another data folder`,
    );
  }
  const password = randomBytes(24).toString("base64url");
  writeFileSync(`${file}.new`, `${password}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return password;
}

function writeSettings(clusterFolder: string, text: string): void {
  const file = join(clusterFolder, "towermill.conf");
  // Removed and renamed, never written through: the folder belongs to a lesser account when this process is root.
  rmSync(`${file}.new`, { force: true });
  writeFileSync(`${file}.new`, text, { mode: 0o644, flag: "wx" });
  renameSync(`${file}.new`, file);
}
