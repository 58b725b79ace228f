import { spawnSync } from "node:child_process";
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Account } from "./account.ts";
import type { Binaries } from "./binaries.ts";
import { EmbeddedError } from "./embedded-error.ts";

/** Where PostgreSQL keeps everything: `<data folder>/cluster`. */
export interface Cluster {
  readonly folder: string;
  readonly account: Account | undefined;
  readonly binaries: Binaries;
}

/** The name of the superuser and of the database. */
export const ownerName = "towermill";

/**
 * What to pass to `-D`. On Linux the server finds its folder as "where I stand": it is started there by root and then
 * gives up root, so it also works below a folder its own account may not enter, such as /root.
 */
export function folderArgument(folder: string): string {
  return process.platform === "linux" ? "/proc/self/cwd" : folder;
}

/** The environment of the server: none of this process's, which may hold secrets. */
export const serverEnvironment = { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };

/** Creates the cluster with initdb unless it exists. A half-made one (killed in the middle) is thrown away first. */
export function createCluster(
  { folder, account, binaries }: Cluster,
  options: { password: string; sync: boolean },
): void {
  if (existsSync(folder)) return requireSameMajor(folder, binaries);
  const draft = `${folder}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  if (account !== undefined) chownSync(draft, account.uid, account.gid);
  runInitdb({ folder: draft, account, binaries }, options);
  const file = join(draft, "postgresql.conf");
  writeFileSync(file, `${readFileSync(file, "utf8")}\ninclude_if_exists = 'towermill.conf'\n`);
  renameSync(draft, folder);
}

function requireSameMajor(folder: string, binaries: Binaries): void {
  const file = join(folder, "PG_VERSION");
  if (!existsSync(file)) {
    throw new EmbeddedError(`${folder} is no PostgreSQL data folder: move it away, or choose another data folder`);
  }
  const found = readFileSync(file, "utf8").trim();
  if (found === String(binaries.major)) return;
  throw new EmbeddedError(
    `${folder} was made by PostgreSQL ${found}, this Towermill brings PostgreSQL ${binaries.version}: dump the database with the ` +
      "Towermill that made it, move the folder away, start this one and restore the dump",
  );
}

function runInitdb({ folder, account, binaries }: Cluster, options: { password: string; sync: boolean }): void {
  // The password reaches initdb as an open file: no argument others could read, no path its account would have to reach.
  const secret = join(dirname(folder), `.initdb-${process.pid}`);
  writeFileSync(secret, `${options.password}\n`, { mode: 0o600 });
  const input = openSync(secret, "r");
  try {
    if (account !== undefined) chownSync(secret, account.uid, account.gid);
    const result = spawnSync(binaries.initdb, initdbArguments(folder, options.sync), {
      ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
      cwd: folder,
      env: serverEnvironment,
      stdio: [input, "ignore", "pipe"],
      timeout: 300_000,
    });
    if (result.status !== 0) {
      rmSync(folder, { recursive: true, force: true });
      throw initdbError(dirname(folder), result.error, String(result.stderr));
    }
  } finally {
    closeSync(input);
    rmSync(secret, { force: true });
  }
}

function initdbArguments(folder: string, sync: boolean): string[] {
  const access = [
    "-D",
    folderArgument(folder),
    `--username=${ownerName}`,
    "--auth=scram-sha-256",
    "--pwfile=/dev/stdin",
  ];
  const language = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
  return [...access, ...language, "--no-instructions", ...(sync ? [] : ["--no-sync"])];
}

function initdbError(folder: string, error: Error | undefined, stderr: string): EmbeddedError {
  const text = stderr.trim() || (error?.message ?? "it ended without a word");
  if (/could not look up effective user ID/.test(text)) {
    return new EmbeddedError(
      `initdb needs a name for user id ${process.getuid?.()}: add a line for it to /etc/passwd, or set DATABASE_URL`,
    );
  }
  if (/No space left on device/.test(text)) {
    return new EmbeddedError(
      `the disk is full: a new database in ${folder} needs about 60 MB; free some, or choose another data folder`,
    );
  }
  return new EmbeddedError(`could not create the database in ${folder}: ${text}`);
}

/** The user and group that own an existing cluster. */
export function clusterOwner(folder: string): { uid: number; gid: number } | undefined {
  const stat = statSync(folder, { throwIfNoEntry: false });
  return stat === undefined ? undefined : { uid: stat.uid, gid: stat.gid };
}
