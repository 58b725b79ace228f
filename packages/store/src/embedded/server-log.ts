import { closeSync, openSync, readSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const tailBytes = 4096;

/** How far each of the server's log files is written: what comes after is of the next start. */
export type LogPosition = ReadonlyMap<string, number>;

/** The position now; empty for a server that has not logged yet. */
export function logPosition(clusterFolder: string): LogPosition {
  const folder = join(clusterFolder, "log");
  try {
    return new Map(readdirSync(folder).map((name) => [join(folder, name), statSync(join(folder, name)).size]));
  } catch {
    return new Map();
  }
}

/** What the server has complained about in its log since `start`; empty when it did not. */
export function complaintsSince(clusterFolder: string, start: LogPosition): string {
  const grown = [...logPosition(clusterFolder)].filter(([path, size]) => size > (start.get(path) ?? 0));
  return complaintsIn(grown.map(([path, size]) => readEnd(path, { from: start.get(path) ?? 0, size })).join("\n"));
}

/** The lines of a log that tell why a server ended: its fatal ones, else all but the routine. */
export function complaintsIn(log: string): string {
  // What it tells clients that come too early or too late is no complaint.
  const lines = log
    .trim()
    .split("\n")
    .filter((line) => !/FATAL: {2}the database system is/.test(line));
  const fatal = lines.filter((line) => /\b(FATAL|PANIC):/.test(line));
  return (fatal.length > 0 ? fatal.slice(-3) : lines.filter((line) => !/\b(LOG|HINT):/.test(line))).join("\n");
}

function readEnd(path: string, { from, size }: { from: number; size: number }): string {
  const file = openSync(path, "r");
  try {
    const start = Math.max(from, size - tailBytes);
    const buffer = Buffer.alloc(size - start);
    return buffer.toString("utf8", 0, readSync(file, buffer, 0, buffer.length, start));
  } finally {
    closeSync(file);
  }
}
