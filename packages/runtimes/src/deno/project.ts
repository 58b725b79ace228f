import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { certificateFiles, hostRegistrySettings } from "../bun/registry.ts";
import type { ContentCache } from "../cache/content-cache.ts";
import { prepareFailure } from "../cache/failure.ts";
import {
  certificateMounts,
  installerEnvironment,
  makeToolFolder,
  runInstaller,
  type RuntimeOptions,
} from "../cache/installer.ts";
import { findNpmProgram, packageVersion } from "../cache/npm-program.ts";
import type { RunIo } from "../runtime.ts";

/** Who waits for Deno to resolve or bundle, and how to stop it. */
export interface DenoContext {
  options: RuntimeOptions;
  cache: ContentCache;
  io: RunIo;
  signal: AbortSignal;
}

let found: Promise<string | null> | undefined;

/** Absolute path of the deno program that npm brought, or `null`. */
export function findDeno(): Promise<string | null> {
  const target = `${process.platform}-${process.arch}${process.platform === "linux" ? "-glibc" : ""}`;
  found ??= findNpmProgram([
    { package: `@deno/${target}`, file: "deno" },
    { package: "deno", file: "deno" },
  ]);
  return found;
}

/** Version of Deno that npm brought. */
export function denoVersion(): string {
  return packageVersion("deno");
}

const lockFile = "deno.lock";
const sourceFile = "script.mjs";

/**
 * Resolves the imports of linked code to a `deno.lock`.
 *
 * @throws PrepareFailure `DependencyError` with Deno's output
 */
export function lockDeno(code: string, context: DenoContext): Promise<string> {
  return context.cache.withFolder(async (folder) => {
    const project = await startProject({ folder, code, lock: null });
    const args = ["cache", "--quiet", "--no-config", "--node-modules-dir=none", `--lock=${join(project, lockFile)}`];
    await runDeno(
      { folder, project, args: [...args, join(project, sourceFile)], action: "Resolving the imports" },
      context,
    );
    return readFile(join(project, lockFile), "utf8");
  });
}

/**
 * Inlines the remote imports of linked code, pinned by a lock unless it is `null`.
 *
 * @throws PrepareFailure `DependencyError` with Deno's output
 */
export function bundleDeno(code: string, lock: string | null, context: DenoContext): Promise<string> {
  return context.cache.withFolder(async (folder) => {
    const project = await startProject({ folder, code, lock });
    const tool = await lendBundler(folder, context);
    const pinned = lock === null ? ["--no-lock"] : [`--lock=${join(project, lockFile)}`, "--frozen"];
    const output = join(project, "bundle.mjs");
    const args = ["bundle", "--quiet", "--no-config", "--node-modules-dir=none", "--platform=deno", "-o", output];
    await runDeno(
      { folder, project, args: [...args, ...pinned, join(project, sourceFile)], action: "Bundling the imports" },
      context,
    );
    await tool.keep();
    return readFile(output, "utf8");
  });
}

async function startProject(start: { folder: string; code: string; lock: string | null }): Promise<string> {
  const project = await makeToolFolder(join(start.folder, "project"));
  await writeFile(join(project, sourceFile), start.code);
  if (start.lock !== null) await writeFile(join(project, lockFile), start.lock, { mode: 0o666 });
  return project;
}

/** Deno fetches the bundler it uses (esbuild) into its own folder; one download serves all bundles of this machine. */
async function lendBundler(folder: string, { cache }: DenoContext): Promise<{ keep(): Promise<void> }> {
  const key = `deno-bundler-${denoVersion()}`;
  const downloads = join(folder, "home", "deno", "dl");
  const kept = await cache.find("tools", key);
  if (kept !== null) await cp(kept, downloads, { recursive: true });
  return {
    async keep() {
      if (kept === null)
        await cache.installOnce("tools", key, (artefact) => cp(downloads, artefact, { recursive: true }));
    },
  };
}

interface DenoRun {
  folder: string;
  project: string;
  args: string[];
  action: string;
}

async function runDeno(run: DenoRun, context: DenoContext): Promise<void> {
  const command = await findDeno();
  if (command === null) throw prepareFailure("DependencyError", missingDeno);
  const home = await makeToolFolder(join(run.folder, "home"));
  const npmrc = await hostRegistrySettings();
  await writeFile(join(run.project, ".npmrc"), npmrc);
  const env: Record<string, string> = {
    ...installerEnvironment(["NPM_CONFIG_", "DENO_AUTH", "DENO_TLS", "JSR_"], home),
    DENO_DIR: await makeToolFolder(join(home, "deno")),
    DENO_NO_UPDATE_CHECK: "1",
    DENO_NO_PACKAGE_JSON: "1",
    NO_COLOR: "1",
  };
  const request = {
    command,
    args: run.args,
    env,
    cwd: run.folder,
    mounts: [...certificateMounts(env), ...certificateFiles(npmrc)],
    signal: context.signal,
  };
  await runInstaller(context.options.runTool, request, { name: "DependencyError", action: run.action });
}

/** What to do on a machine without Deno. */
export const missingDeno = "Deno comes with the npm packages: run `npm ci --include=optional` once more.";
