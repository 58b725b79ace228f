import {
  lstatSync,
  lutimesSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EmbeddedError } from "./embedded-error.ts";

/** A folder whose name is short enough to reach the socket through. */
export interface SocketFolder {
  readonly path: string;
  remove(): void;
}

// sun_path holds 108 bytes on Linux and 104 on macOS, final zero included; "/.s.PGSQL.5432" takes 14.
const longestFolder = 104 - 1 - 14;
const refreshMs = 3_600_000;

/**
 * A path to the cluster's folder short enough for a socket address: the folder itself, or a link to it in a private
 * temporary folder, which is recorded in `<data folder>/socket-folder` so that the next start removes a forgotten one.
 */
export function openSocketFolder(dataFolder: string, clusterFolder: string): SocketFolder {
  const record = join(dataFolder, "socket-folder");
  removeRecorded(record);
  if (Buffer.byteLength(clusterFolder) <= longestFolder) return { path: clusterFolder, remove: () => undefined };
  const folder = makeShortFolder();
  const path = join(folder, "pg");
  symlinkSync(clusterFolder, path);
  writeFileSync(record, folder, { mode: 0o600 });
  // Systems clean their temporary folders of what looks unused.
  const refresh = setInterval(() => touch(folder, path), refreshMs);
  refresh.unref();
  return {
    path,
    remove: () => {
      clearInterval(refresh);
      removeRecorded(record);
    },
  };
}

function makeShortFolder(): string {
  for (const parent of [process.env["XDG_RUNTIME_DIR"], tmpdir(), "/tmp"]) {
    if (parent === undefined || Buffer.byteLength(parent) > longestFolder - 20) continue;
    try {
      return mkdtempSync(join(parent, "towermill-"));
    } catch {
      continue;
    }
  }
  throw new EmbeddedError(
    "the path of the data folder is too long for a socket and no temporary folder can be written to: use a shorter path",
  );
}

function touch(folder: string, path: string): void {
  const now = new Date();
  try {
    utimesSync(folder, now, now);
    lutimesSync(path, now, now);
  } catch {
    // Somebody removed it; connections that are open go on.
  }
}

function removeRecorded(record: string): void {
  const folder = readRecord(record);
  // Remove only what looks like ours: a private folder of this user holding the one link.
  if (folder !== undefined && /\/towermill-[A-Za-z0-9]{6}$/.test(folder)) {
    const link = join(folder, "pg");
    if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink()) rmSync(folder, { recursive: true, force: true });
  }
  rmSync(record, { force: true });
}

function readRecord(record: string): string | undefined {
  try {
    return readFileSync(record, "utf8");
  } catch {
    return undefined;
  }
}
