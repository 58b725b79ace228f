import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  certificateMounts,
  installerEnvironment,
  makeToolFolder,
  runInstaller,
  type RuntimeOptions,
} from "../cache/installer.ts";
import { prepareFailure } from "../cache/failure.ts";
import type { RunIo } from "../runtime.ts";
import { findBun } from "./binary.ts";
import { certificateFiles, hostRegistrySettings } from "./registry.ts";

/** A private folder in which bun resolves or installs. */
export interface BunProject {
  /** Empty folder, gone afterwards; `project` and `home` are made inside. */
  folder: string;
  packageJson: string;
  lockfile: { name: string; content: string | Buffer } | null;
  args: readonly string[];
  action: string;
}

/** Who waits for an install, and how to stop it. */
export interface InstallContext {
  options: RuntimeOptions;
  io: RunIo;
  signal: AbortSignal;
}

const missingBun =
  "The bun program was not found in the installed npm packages. Install again with `npm ci --include=optional`.";

/**
 * Runs `bun install` on a `package.json` and answers the folder of the project. Install scripts of packages never run;
 * the host's registry settings reach bun through files outside the project, so that no token stays in it.
 *
 * @throws PrepareFailure `DependencyError` with bun's own output
 */
export async function runBunInstall(project: BunProject, context: InstallContext): Promise<string> {
  const command = await findBun();
  if (command === null) throw prepareFailure("DependencyError", missingBun);
  const home = await makeToolFolder(join(project.folder, "home"));
  const folder = await makeToolFolder(join(project.folder, "project"));
  const npmrc = await hostRegistrySettings();
  await writeFile(join(home, ".npmrc"), npmrc, { mode: 0o644 });
  await writeFile(join(folder, "package.json"), project.packageJson);
  if (project.lockfile !== null) await writeFile(join(folder, project.lockfile.name), project.lockfile.content);
  const env: Record<string, string> = {
    ...installerEnvironment(["NPM_CONFIG_", "BUN_CONFIG_"], home),
    BUN_INSTALL_CACHE_DIR: join(home, "cache"),
    XDG_CONFIG_HOME: home,
    DO_NOT_TRACK: "1",
    NO_COLOR: "1",
  };
  await runInstaller(
    context.options.runTool,
    {
      command,
      args: ["install", "--cwd", folder, "--ignore-scripts", "--no-progress", "--backend", "copyfile", ...project.args],
      env,
      cwd: project.folder,
      mounts: [...certificateMounts(env), ...certificateFiles(npmrc)],
      signal: context.signal,
    },
    { name: "DependencyError", action: project.action },
  );
  return folder;
}
