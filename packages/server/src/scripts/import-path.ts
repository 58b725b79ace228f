import { posix } from "node:path";
import type { Import } from "@towermill/signature";

/**
 * Paths of workspace scripts that the imports of a script may mean: `/f/a/b` and `./b.ts` in TypeScript, `f.a.b` and
 * `from .c import d` in Python.
 */
export function importedPaths(importer: string, statements: readonly Import[]): string[] {
  return statements.flatMap(({ module, names }) => {
    if (module.startsWith("/")) return [withoutSuffix(module.slice(1))];
    if (module.startsWith("./") || module.startsWith("../"))
      return [withoutSuffix(posix.join(posix.dirname(importer), module))];
    const base = pythonModule(importer, module);
    return base === null ? [] : [base, ...names.map((name) => `${base}/${name}`)];
  });
}

function withoutSuffix(path: string): string {
  return path.replace(/(\.(fetch|deno|bun))?\.ts$/, "");
}

/** `f.a.b` → `f/a/b`; leading dots count folders up from the importer. `null` = not a module of a workspace. */
function pythonModule(importer: string, module: string): string | null {
  const [, dots = "", rest = ""] = /^(\.*)(.*)$/.exec(module) ?? [];
  const names = rest === "" ? [] : rest.split(".");
  if (dots === "") return /^[uf]\./.test(module) ? names.join("/") : null;
  return [...importer.split("/").slice(0, -dots.length), ...names].join("/");
}
