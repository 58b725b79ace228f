import { importStatements } from "@towermill/signature";
import { prepareFailure } from "../cache/failure.ts";
import type { WorkspaceScripts } from "../runtime.ts";

/** Everything a Python script is made of, before packages. */
export interface PythonGraph {
  /** Workspace path and source: the script first, then what it imports, in the order it was reached. */
  modules: Map<string, string>;
  /** Imports from outside the workspace, by module that has them. */
  imports: { importer: string; module: string; names: string[] }[];
}

export interface PythonSource {
  path: string;
  content: string;
  workspaceScripts: WorkspaceScripts;
}

/**
 * Follows the imports of a script through the workspace: `from .mod import x`, `from f.tools.mod import x`,
 * `import u.alice.mod`. `from f.tools import mod` finds the script `f/tools/mod` too.
 *
 * @throws PrepareFailure `ImportError` naming importer and module
 */
export async function readPythonGraph(source: PythonSource): Promise<PythonGraph> {
  const graph: PythonGraph = { modules: new Map([[source.path, source.content]]), imports: [] };
  const waiting = [source.path];
  for (let importer = waiting.shift(); importer !== undefined; importer = waiting.shift()) {
    for (const { module, names } of importStatements("python3", graph.modules.get(importer) ?? "")) {
      const base = workspacePath(module, importer);
      if (base === null) {
        graph.imports.push({ importer, module, names });
        continue;
      }
      for (const [path, content] of await findModules({ importer, module, base, names }, source)) {
        if (graph.modules.has(path)) continue;
        graph.modules.set(path, content);
        waiting.push(path);
      }
    }
  }
  return graph;
}

interface WorkspaceImport {
  importer: string;
  module: string;
  base: string;
  names: readonly string[];
}

/** The script a module names, else the scripts its imported names do. */
async function findModules(wanted: WorkspaceImport, source: PythonSource): Promise<Map<string, string>> {
  const { base, names, importer, module } = wanted;
  const itself = await readModule(base, source);
  if (itself !== null) return new Map([[base, itself]]);
  const found = new Map<string, string>();
  for (const name of names) {
    const path = `${base}/${name}`;
    const content = await readModule(path, source);
    if (content === null) throw missing(importer, `from ${module} import ${name}`, `${base}" or "${path}`);
    found.set(path, content);
  }
  if (found.size === 0) throw missing(importer, `import ${module}`, base);
  return found;
}

function missing(importer: string, statement: string, path: string): Error {
  const sentence = `${importer} has "${statement}", but there is no script "${path}" in this workspace that it may read.`;
  return prepareFailure("ImportError", sentence);
}

async function readModule(path: string, source: PythonSource): Promise<string | null> {
  if (path === source.path) return source.content;
  if (path.split("/").length < 3) return null;
  const found = await source.workspaceScripts(path);
  if (found === null) return null;
  if (found.language === "python3") return found.content;
  throw prepareFailure("ImportError", `"${path}" is a ${found.language} script; Python cannot import it.`);
}

/** Workspace path of a relative or `f.`/`u.` module, `null` for a module from elsewhere. */
function workspacePath(module: string, importer: string): string | null {
  const dots = /^\.*/.exec(module)?.[0].length ?? 0;
  if (dots === 0) return /^[fu]\./.test(module) ? module.replaceAll(".", "/") : null;
  const parents = importer.split("/").slice(0, -dots);
  if (parents.length === 0) {
    throw prepareFailure("ImportError", `${importer} imports "${module}", which leaves the workspace.`);
  }
  return [
    ...parents,
    ...module
      .slice(dots)
      .split(".")
      .filter((part) => part !== ""),
  ].join("/");
}
