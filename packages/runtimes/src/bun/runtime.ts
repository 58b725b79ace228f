import { access, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Language } from "@towermill/contract";
import { type ContentCache, openCache } from "../cache/content-cache.ts";
import { contentKey } from "../cache/content-key.ts";
import { readEntrypoint } from "../cache/entrypoint.ts";
import { PrepareFailure } from "../cache/failure.ts";
import type { RuntimeOptions } from "../cache/installer.ts";
import { createPreparedMemo, type PreparedScript } from "../cache/prepared-memo.ts";
import type { Detection, LanguageRuntime, LockOutcome, LockRequest, RunRequest } from "../runtime.ts";
import { readAnnotations } from "./annotations.ts";
import { packageVersion } from "../cache/npm-program.ts";
import { findBun } from "./binary.ts";
import { bundlerVersion, bundleScript } from "./bundle.ts";
import { readGraph, type ScriptGraph } from "./graph.ts";
import { installPackages, type InstalledPackages } from "./install.ts";
import { formatPackageJson, parseBunLock } from "./lock-text.ts";
import { filePackages, requiredPackages } from "./packages.ts";
import type { InstallContext } from "./project.ts";
import { onlyProductClient, resolvePackages } from "./resolve.ts";

/** The bundle, inside its folder; its source map lies beside it with `.map` added. */
export const bundleFile = "script.mjs";

/** TypeScript on bun: `bun`, and for now `nativets` and `bunnative` too. */
export function bunRuntime(options: RuntimeOptions): LanguageRuntime {
  return typescriptRuntime(options, { engine: "bun", languages: ["bun", "bunnative", "nativets"], detect: detectBun });
}

export interface TypeScriptEngine {
  engine: "bun" | "node";
  languages: readonly Language[];
  detect(): Promise<Detection>;
}

/** TypeScript whose packages come from npm, bundled for a given engine. */
export function typescriptRuntime(options: RuntimeOptions, engine: TypeScriptEngine): LanguageRuntime {
  const cache = openCache(options.cacheFolder);
  const memo = createPreparedMemo();
  return {
    languages: engine.languages,
    detect: engine.detect,
    async lock(request, io, signal) {
      try {
        return { status: "locked", lock: await lockScript(request, { options, io, signal }) };
      } catch (error) {
        return failedLock(error);
      }
    },
    prepare(request, io, signal) {
      return memo.recall(request, () =>
        prepareScript({ request, cache, engine: engine.engine, context: { options, io, signal } }),
      );
    },
  };
}

/** The outcome for an error met while locking; what is not the script's fault is thrown on. */
export function failedLock(error: unknown): LockOutcome {
  if (error instanceof PrepareFailure) return { status: "failed", error: error.jobError };
  throw error;
}

async function lockScript(request: LockRequest, context: InstallContext): Promise<string> {
  const graph = await readGraph({ ...request.script, workspaceScripts: request.workspaceScripts });
  const file = request.dependencyFiles["package.json"];
  const packages = file === undefined ? requiredPackages(graph) : filePackages(file, graph);
  return resolvePackages(packages, context);
}

interface Preparation {
  request: RunRequest;
  cache: ContentCache;
  engine: "bun" | "node";
  context: InstallContext;
}

async function prepareScript(preparation: Preparation): Promise<PreparedScript> {
  const { request, cache, engine } = preparation;
  const { script } = request;
  const source = { path: script.path, content: script.content, workspaceScripts: request.workspaceScripts };
  const graph = await readGraph(source);
  const packages = await findPackages(preparation, graph);
  const keepPackages = readAnnotations(script.content).nobundling;
  const sources = [...graph.modules].flat();
  const key = contentKey([engine, bundlerVersion, packages.folder ?? "", packages.key, script.path, ...sources]);
  const folder = await cache.installOnce("bundles", key, async (artefact) => {
    const bundle = await bundleScript({ source, packages, keepPackages });
    await writeFile(join(artefact, bundleFile), bundle.code);
    await writeFile(join(artefact, `${bundleFile}.map`), bundle.map);
    if (bundle.needsPackages) await writeFile(join(artefact, packagesMark), "");
  });
  const needsPackages = packages.folder !== null && (await exists(join(folder, packagesMark)));
  return {
    prepared: {
      key,
      mounts: [folder, ...(needsPackages && packages.folder !== null ? [packages.folder] : [])],
      entry: join(folder, bundleFile),
      ...readEntrypoint(request.language, script.content, request.entrypoint),
      engine,
      env: {},
    },
    imports: new Map([...graph.modules].filter(([path]) => path !== script.path)),
  };
}

const packagesMark = "needs-packages";

/** Packages of the lock; a script without one (a preview) is resolved now. */
async function findPackages(preparation: Preparation, graph: ScriptGraph): Promise<InstalledPackages> {
  const { cache, context, request } = preparation;
  const locked = request.script.lock === null ? null : parseBunLock(request.script.lock);
  if (locked !== null) return installPackages(locked, cache, context);
  if (request.script.lock !== null)
    context.io.log("The lock of this script is not readable here; resolving its packages anew.\n");
  const required = requiredPackages(graph);
  // The SDK alone needs no registry.
  const text = onlyProductClient(required) ? formatPackageJson(required) : await resolvePackages(required, context);
  const lock = parseBunLock(text);
  if (lock === null) throw new Error("The resolver gave a lock that cannot be read back");
  return installPackages(lock, cache, context);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function detectBun(): Promise<Detection> {
  const command = await findBun();
  const version = packageVersion("bun");
  if (command !== null) return { available: true, version, command };
  return { available: false, install: "Bun comes with the npm packages: run `npm ci --include=optional` once more." };
}
