import { existsSync, readFileSync } from "node:fs";
import { access, constants, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(import.meta.url);

/** Folder of an installed npm package, or `null`. Packages that export no `package.json` are found too. */
export function packageFolder(name: string): string | null {
  const folders = (require.resolve.paths(name) ?? []).map((modules) => join(modules, name));
  return folders.find((folder) => existsSync(join(folder, "package.json"))) ?? null;
}

/** Version of an installed npm package, `unknown` when there is none. */
export function packageVersion(name: string): string {
  const folder = packageFolder(name);
  if (folder === null) return "unknown";
  const manifest: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const version = typeof manifest === "object" && manifest !== null && "version" in manifest ? manifest.version : "";
  return typeof version === "string" ? version : "unknown";
}

/** A program's place inside an npm package. */
export interface ProgramPlace {
  package: string;
  file: string;
}

/**
 * Absolute path of the first of several places that holds a real program, or `null`. Install scripts of npm packages
 * may have run or not; a placeholder they would have replaced is a text of a few hundred bytes and does not count.
 */
export async function findNpmProgram(places: readonly ProgramPlace[]): Promise<string | null> {
  for (const place of places) {
    const folder = packageFolder(place.package);
    if (folder === null) continue;
    const path = join(folder, place.file);
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable && (await stat(path)).size > 1_000_000) return path;
  }
  return null;
}
