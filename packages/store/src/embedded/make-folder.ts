import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a folder and the missing ones above it; does nothing if it exists.
 * Not `mkdirSync` with `recursive`: Node 20 never returns from that where the system answers ENOENT for good (/proc).
 */
export function makeFolder(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    if (error.code === "ENOENT" && dirname(path) !== path) {
      makeFolder(dirname(path), mode);
      mkdirSync(path, { mode });
    } else if (error.code !== "EEXIST" || !isFolder(path)) throw error;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
