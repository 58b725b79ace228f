import { basename } from "node:path";
import { type BuildFailure, type Loader, type Message, type OnLoadResult, type Plugin, transform } from "esbuild";
import { prepareFailure, type PrepareFailure } from "../cache/failure.ts";
import type { WorkspaceScripts } from "../runtime.ts";
import { refuseDeepNesting, runBuild } from "./build-service.ts";
import { isRuntimeModule } from "./npm-specifier.ts";
import { isWorkspaceImport, workspaceCandidates } from "./workspace-import.ts";

/** Everything a TypeScript script is made of, before packages. */
export interface ScriptGraph {
  /** Path and source of the script itself and of each workspace script it imports, in the order they were reached. */
  modules: Map<string, string>;
  /** Package specifiers as written, each with the module that names it first. */
  packages: Map<string, string>;
}

export interface GraphSource {
  path: string;
  content: string;
  workspaceScripts: WorkspaceScripts;
}

/** esbuild's namespace for workspace sources; part of no message. */
export const workspaceNamespace = "workspace";

/** Languages whose scripts a TypeScript script can import. */
const importable = new Set(["bun", "bunnative", "nativets", "deno"]);

/** A script without one of these words and a quote imports nothing, and esbuild need not be asked. */
const importWords = /\b(?:import|export|require)\b/;
const quotes = /["'`]/;

/**
 * Follows the imports of a script through the workspace.
 *
 * @throws PrepareFailure `SyntaxError` with file, line and column; `ImportError` naming importer and specifier
 */
export async function readGraph(source: GraphSource): Promise<ScriptGraph> {
  const modules = new Map([[source.path, source.content]]);
  const packages = new Map<string, string>();
  if (!importWords.test(source.content) || !quotes.test(source.content)) return { modules, packages };
  const keepPackages: Plugin = {
    name: "packages",
    setup(setup) {
      setup.onResolve({ filter: /.*/, namespace: workspaceNamespace }, ({ path, importer }) => {
        const first = packages.get(path) ?? moduleName(importer);
        if (!isRuntimeModule(path) && !path.startsWith("data:")) packages.set(path, first);
        return { path, external: true };
      });
    },
  };
  await runBuild({
    entryPoints: [source.path],
    bundle: true,
    write: false,
    format: "esm",
    target: "esnext",
    logLevel: "silent",
    tsconfigRaw: "{}",
    plugins: [workspacePlugin(source, modules), keepPackages],
  }).catch((error: unknown) => {
    throw describeFailure(error) ?? error;
  });
  return { modules, packages };
}

/** Resolves and loads workspace scripts; what it read goes into `modules`. The entry point is `source.path`. */
export function workspacePlugin(source: GraphSource, modules: Map<string, string>): Plugin {
  const loading = new Map<string, Promise<string | null>>([[source.path, Promise.resolve(source.content)]]);
  const load = (path: string): Promise<string | null> => {
    const started = loading.get(path) ?? readModule(path, source.workspaceScripts);
    loading.set(path, started);
    return started;
  };
  return {
    name: "workspace",
    setup(setup) {
      setup.onResolve({ filter: /.*/ }, async ({ path, importer, kind, namespace }) => {
        if (kind === "entry-point") return { path: fileName(source.path), namespace: workspaceNamespace };
        if (namespace !== workspaceNamespace || !isWorkspaceImport(path)) return undefined;
        const from = moduleName(importer);
        for (const candidate of workspaceCandidates(path, from)) {
          const content = await load(candidate);
          if (content === null) continue;
          modules.set(candidate, content);
          return { path: fileName(candidate), namespace: workspaceNamespace };
        }
        return { errors: [{ text: missingSentence(path, from), detail: "missing" }] };
      });
      setup.onLoad({ filter: /.*/, namespace: workspaceNamespace }, async ({ path }): Promise<OnLoadResult> => {
        const contents = (await load(moduleName(path))) ?? "";
        refuseDeepNesting(path, contents);
        return { contents, loader: await chooseLoader(contents) };
      });
    },
  };
}

async function readModule(path: string, scripts: WorkspaceScripts): Promise<string | null> {
  const found = await scripts(path);
  if (found === null) return null;
  if (importable.has(found.language)) return found.content;
  throw prepareFailure("ImportError", `"${path}" is a ${found.language} script; TypeScript cannot import it.`);
}

function missingSentence(specifier: string, importer: string): string {
  const [first] = workspaceCandidates(specifier, importer);
  return first === undefined
    ? `${importer} imports "${specifier}", which lies outside the folders of the workspace (u/... and f/...).`
    : `${importer} imports "${specifier}", but there is no script "${first}" in this workspace that it may read.`;
}

/** JSX is allowed wherever it is no valid TypeScript: the plain loader is tried first. */
async function chooseLoader(content: string): Promise<Loader> {
  if (!/<\/[A-Za-z>]|\/>/.test(content)) return "ts";
  const options = { loader: "ts", logLevel: "silent", tsconfigRaw: "{}" } as const;
  return transform(content, options).then(
    () => "ts",
    () => "tsx",
  );
}

/** esbuild shows `{path}.ts` in messages and source maps. */
function fileName(path: string): string {
  return `${path}.ts`;
}

/** Workspace path of a file name made by {@link fileName}. */
export function moduleName(file: string): string {
  return file.replace(/^workspace:/, "").replace(/\.ts$/, "");
}

/** Whether an error of esbuild is the script's own doing rather than a package's. */
export function isScriptError(message: Message): boolean {
  return message.location?.namespace === workspaceNamespace || message.location?.file.startsWith("workspace:") === true;
}

/** The job's error for a failed build, `null` when the error is none of esbuild's. */
export function describeFailure(error: unknown): PrepareFailure | null {
  if (!isBuildFailure(error)) return null;
  const message = error.errors.find(isScriptError) ?? error.errors[0];
  if (message === undefined) return null;
  const cause: unknown = message.detail;
  if (cause instanceof Error && cause.name === "PrepareFailure") return cause as PrepareFailure;
  const { location } = message;
  if (message.detail === "missing" || location === null) return prepareFailure("ImportError", message.text);
  const file = location.file.replace(/^workspace:/, "");
  const where = `${file}:${String(location.line)}:${String(location.column + 1)}`;
  const name = message.text.startsWith("Could not resolve") ? "ImportError" : "SyntaxError";
  return prepareFailure(name, `${where}: ${message.text}\n${location.lineText}`, {
    file,
    line: location.line,
    column: location.column + 1,
    text: location.lineText,
  });
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && "errors" in error && Array.isArray(error.errors);
}

/** Name shown for a package file in messages. */
export function shortFile(path: string): string {
  const at = path.lastIndexOf("/node_modules/");
  return at === -1 ? basename(path) : path.slice(at + "/node_modules/".length);
}
