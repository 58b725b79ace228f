import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DataFolderBusy, EmbeddedError } from "./embedded-error.ts";
import { processStart } from "./process-identity.ts";

interface Holder {
  readonly pid: number;
  readonly start: string;
}

/**
 * Takes the data folder for this process; the result gives it back. The lock of a process that died without giving it
 * back is taken over. Throws {@link DataFolderBusy} when a living process holds it.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, "lock");
  const own = `${JSON.stringify({ pid: process.pid, start: processStart(process.pid) ?? "" })}\n`;
  const draft = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  writeFileSync(draft, own, { mode: 0o600, flag: "wx" });
  try {
    for (let attempt = 0; attempt < 20; attempt++) {
      if (place(draft, path)) return () => release(path, own);
      removeStale(path, folder);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  throw new EmbeddedError(`cannot lock the data folder ${folder}: remove ${path} if no Towermill is running`);
}

// link() either makes the complete lock file or fails: nobody ever reads half a lock.
function place(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

function removeStale(path: string, folder: string): void {
  const seen = read(path);
  if (seen === undefined) return;
  const holder = parse(seen);
  if (holder !== undefined && processStart(holder.pid) === holder.start) {
    throw new DataFolderBusy(
      `the data folder ${folder} is in use by another Towermill (process ${holder.pid}): stop it, or choose another data folder`,
    );
  }
  // Another starter may have replaced the stale lock since it was read: what was moved away must be what was seen.
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
    if (read(aside) !== seen) place(aside, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
  rmSync(aside, { force: true });
}

function release(path: string, own: string): void {
  if (read(path) === own) rmSync(path, { force: true });
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function parse(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("pid" in value) || !("start" in value)) return undefined;
    const { pid, start } = value;
    return typeof pid === "number" && typeof start === "string" ? { pid, start } : undefined;
  } catch {
    return undefined;
  }
}
