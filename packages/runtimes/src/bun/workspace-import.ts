import { posix } from "node:path";

const scriptFolders = /^(?:u|f|hub)\//;
/** Endings the files of `wmill sync` carry and workspace paths do not. */
const endings = /(?:\.(?:bun|deno|fetch|native))?\.(?:ts|tsx|mts|js|mjs)$/;

/** Whether a specifier means a script of the workspace. Bare `u/...` and `f/...` do not, as in Windmill. */
export function isWorkspaceImport(specifier: string): boolean {
  return /^\.{0,2}\//.test(specifier) || specifier === "." || specifier === "..";
}

/**
 * Workspace paths a specifier may mean, in the order they are looked up; empty when it leaves the workspace.
 *
 * @param importer path of the importing script, such as `f/tools/hello`
 */
export function workspaceCandidates(specifier: string, importer: string): string[] {
  const absolute = specifier.startsWith("/") ? posix.normalize(specifier) : posix.join("/", importer, "..", specifier);
  const path = absolute.slice(1);
  if (!scriptFolders.test(path) || path.includes("\0") || path.includes("\\")) return [];
  const plain = path.replace(/\.(?:ts|tsx|mts|js|mjs)$/, "");
  return [...new Set([plain, path.replace(endings, ""), path])];
}
