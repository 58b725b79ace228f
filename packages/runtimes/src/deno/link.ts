import type { Plugin } from "esbuild";
import { runBuild } from "../bun/build-service.ts";
import { bundleSettings, textOf } from "../bun/bundle.ts";
import { describeFailure, type GraphSource, moduleName, workspaceNamespace, workspacePlugin } from "../bun/graph.ts";
import { packagesPlugin } from "../bun/package-plugin.ts";
import { productClient } from "../bun/product-client.ts";
import { classifyDenoImport } from "./specifier.ts";

/** A Deno script with its workspace imports and the SDK inlined. */
export interface LinkedScript {
  code: string;
  map: string;
  /** Specifiers left in the code for Deno to resolve. */
  remote: string[];
  /** Workspace path and source of the script and all it imports. */
  modules: Map<string, string>;
}

/**
 * Links a script with the workspace scripts it imports; `npm:`, `jsr:` and `https:` imports stay as they are.
 *
 * @throws PrepareFailure `SyntaxError` or `ImportError` with file, line and column
 */
export async function linkDenoScript(source: GraphSource): Promise<LinkedScript> {
  const modules = new Map([[source.path, source.content]]);
  const remote = new Set<string>();
  const resolver: Plugin = {
    name: "deno",
    setup(setup) {
      setup.onResolve({ filter: /.*/, namespace: workspaceNamespace }, async ({ path, importer, kind }) => {
        if (path.startsWith("data:")) return { path, external: true };
        const found = classifyDenoImport(path, moduleName(importer));
        if (found.from === "runtime") return { path: found.path, external: true };
        if (found.from === "product")
          return setup.resolve(productClient.name, { kind, resolveDir: productClient.folder });
        remote.add(found.path);
        return { path: found.path, external: true };
      });
    },
  };
  const use = { external: false, folder: null, realFolder: null, files: false };
  const plugins = [workspacePlugin(source, modules), resolver, packagesPlugin(use)];
  try {
    const { outputFiles } = await runBuild({
      ...bundleSettings,
      target: "esnext",
      entryPoints: [source.path],
      plugins,
    });
    return { code: textOf(outputFiles, ".mjs"), map: textOf(outputFiles, ".map"), remote: [...remote].sort(), modules };
  } catch (error) {
    throw describeFailure(error) ?? error;
  }
}
