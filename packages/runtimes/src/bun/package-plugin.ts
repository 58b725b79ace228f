import { readFile } from "node:fs/promises";
import { dirname, sep } from "node:path";
import { pathToFileURL } from "node:url";
import type { OnLoadArgs, OnLoadResult, OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from "esbuild";
import { shortFile, moduleName, workspaceNamespace } from "./graph.ts";
import { isRuntimeModule, parseNpmSpecifier } from "./npm-specifier.ts";
import { productClient } from "./product-client.ts";

/** How one build uses packages; `files` is set when the result refers to files of the install folder. */
export interface PackageUse {
  external: boolean;
  /** Folder that holds `node_modules`, `null` when none is installed. */
  folder: string | null;
  /** The same with links followed, as esbuild names files. */
  realFolder: string | null;
  files: boolean;
}

/** Resolves package imports inside the install folder, and only there. */
export function packagesPlugin(use: PackageUse): Plugin {
  return {
    name: "packages",
    setup(setup) {
      setup.onResolve({ filter: /.*/, namespace: workspaceNamespace }, (args) => resolvePackage(setup, use, args));
      setup.onLoad({ filter: /.*/, namespace: "file" }, (args) => loadPackageFile(use, args));
    },
  };
}

async function resolvePackage(setup: PluginBuild, use: PackageUse, args: OnResolveArgs): Promise<OnResolveResult> {
  const { path, kind } = args;
  if (isRuntimeModule(path)) return { path, external: true };
  if (path.startsWith("data:"))
    return setup.resolve(path, { kind, resolveDir: use.realFolder ?? productClient.folder });
  const importer = moduleName(args.importer);
  const { name, subpath } = parseNpmSpecifier(path, importer);
  const isClient = name === productClient.name;
  // The SDK comes from the product itself unless the lock brought another version along.
  for (const resolveDir of [use.realFolder, isClient ? productClient.folder : null]) {
    if (resolveDir === null) continue;
    const found = await setup.resolve(name + subpath, { kind, resolveDir });
    if (found.errors.length > 0 || !isPackageFile(use, found.path)) continue;
    if (isClient || !use.external) return { path: found.path, sideEffects: found.sideEffects };
    use.files = true;
    return { path: mountedPath(use, found.path), external: true };
  }
  return { errors: [{ text: `${importer} imports "${path}", which the lock of the script does not provide.` }] };
}

/** Resolution climbs to parent folders; only what was installed for this script counts. */
function isPackageFile(use: PackageUse, path: string): boolean {
  return [use.realFolder, productClient.folder].some((root) => root !== null && path.startsWith(root + sep));
}

async function loadPackageFile(use: PackageUse, { path }: OnLoadArgs): Promise<OnLoadResult | undefined> {
  // A package could name any file of the host and have it inlined into the bundle.
  if (!isPackageFile(use, path))
    return { errors: [{ text: `${shortFile(path)} lies outside the installed packages.` }] };
  if (use.realFolder === null || !path.startsWith(use.realFolder + sep) || !/\.[cm]?js$/.test(path)) return undefined;
  return locateFile(use, path, await readFile(path, "utf8"));
}

/** Path of a package's file where jobs see it. */
function mountedPath(use: PackageUse, path: string): string {
  return `${use.folder ?? ""}${path.slice(use.realFolder?.length ?? 0)}`;
}

/** Packages that look for files beside themselves find them in the install folder. */
function locateFile(use: PackageUse, path: string, text: string): OnLoadResult | undefined {
  const usesFolder = folderNames.test(text) && !ownFolderNames.test(text);
  const usesUrl = text.includes("import.meta.url");
  const usesResolve = text.includes("require.resolve(");
  if (!usesFolder && !usesUrl && !usesResolve) return undefined;
  use.files = true;
  const place = JSON.stringify(mountedPath(use, path));
  let contents = text;
  if (usesUrl)
    contents = contents.replaceAll("import.meta.url", JSON.stringify(pathToFileURL(mountedPath(use, path)).href));
  if (usesResolve) {
    contents = contents.replace(/\brequire\.resolve\(/g, `require("node:module").createRequire(${place}).resolve(`);
  }
  if (usesFolder && !contents.startsWith("#!")) {
    // On the first line, so that messages name the right ones.
    contents = `var __dirname=${JSON.stringify(dirname(mountedPath(use, path)))},__filename=${place};${contents}`;
  }
  return { contents, loader: "js", resolveDir: dirname(path) };
}

const folderNames = /\b__(?:dirname|filename)\b/;
const ownFolderNames = /\b(?:const|let|var|function)\s+__(?:dirname|filename)\b/;
