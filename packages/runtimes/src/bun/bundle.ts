import { type BuildOptions, type OutputFile, version } from "esbuild";
import { runBuild } from "./build-service.ts";
import { describeFailure, isScriptError, type GraphSource, workspacePlugin } from "./graph.ts";
import type { InstalledPackages } from "./install.ts";
import { type PackageUse, packagesPlugin } from "./package-plugin.ts";

export interface BundleRequest {
  source: GraphSource;
  packages: InstalledPackages;
  /** Never inline packages (`//nobundling`). */
  keepPackages: boolean;
}

export interface Bundle {
  code: string;
  /** Source map from the code to workspace sources, for stacks. */
  map: string;
  /** The code refers to files of the installed packages: they must be there at run time. */
  needsPackages: boolean;
}

/** Changes when the same inputs would give another bundle. */
export const bundlerVersion = `2-${version}`;

/**
 * Bundles a script, the workspace scripts it imports and its packages into one ES module. Packages that cannot be
 * inlined (machine code, or esbuild fails on them) are imported from the install folder by absolute path.
 *
 * @throws PrepareFailure `SyntaxError` or `ImportError` with file, line and column
 */
export async function bundleScript(request: BundleRequest): Promise<Bundle> {
  if (request.keepPackages || request.packages.native) return buildOnce(request, true);
  try {
    return await buildOnce(request, false);
  } catch (error) {
    const errors = error instanceof Error && "errors" in error ? (error as { errors: unknown }).errors : [];
    const foreign = Array.isArray(errors) && errors.length > 0 && !errors.some(isScriptError);
    if (!foreign || request.packages.folder === null) throw describeFailure(error) ?? error;
    return buildOnce(request, true);
  }
}

async function buildOnce(request: BundleRequest, external: boolean): Promise<Bundle> {
  const { folder, realFolder } = request.packages;
  const use: PackageUse = { external, folder, realFolder, files: false };
  const plugins = [workspacePlugin(request.source, new Map()), packagesPlugin(use)];
  try {
    const { outputFiles } = await runBuild({ ...bundleSettings, entryPoints: [request.source.path], plugins });
    const code = textOf(outputFiles, ".mjs");
    return { code: withRequire(code, use), map: textOf(outputFiles, ".map"), needsPackages: use.files };
  } catch (error) {
    if (external) throw describeFailure(error) ?? error;
    throw error;
  }
}

/** Settings of every bundle. */
export const bundleSettings = {
  bundle: true,
  write: false,
  format: "esm",
  platform: "node",
  target: "es2022",
  outfile: "script.mjs",
  sourcemap: "external",
  sourcesContent: false,
  // Names of functions and classes survive even where two modules use the same one.
  keepNames: true,
  logLevel: "silent",
  legalComments: "none",
  // No settings file of any folder is read.
  tsconfigRaw: "{}",
  external: ["bun", "bun:*"],
  charset: "utf8",
} as const satisfies BuildOptions;

/** The output file with a given ending. */
export function textOf(files: readonly OutputFile[], ending: string): string {
  return files.find((file) => file.path.endsWith(ending))?.text ?? "";
}

/** CommonJS packages reach Node's modules through `require`, which an ES module must make for itself. */
function withRequire(code: string, use: PackageUse): string {
  if (!code.includes("__require(") && !code.includes("__require.")) return code;
  const base = JSON.stringify(`${use.folder ?? ""}/node_modules/index.js`);
  // On the first line, so that the source map stays right.
  return `import{createRequire as __createRequire}from"node:module";const require=__createRequire(${base});${code}`;
}
