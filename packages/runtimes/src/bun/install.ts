import { readdir, readFile, realpath, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { contentKey } from "../cache/content-key.ts";
import type { ContentCache } from "../cache/content-cache.ts";
import { PrepareFailure } from "../cache/failure.ts";
import type { BunLock } from "./lock-text.ts";
import { productClient } from "./product-client.ts";
import { type InstallContext, runBunInstall } from "./project.ts";
import { onlyProductClient } from "./resolve.ts";

/** Packages on disk. */
export interface InstalledPackages {
  /** Folder that holds `node_modules`, as mounted for jobs; `null` when the lock names no package. */
  folder: string | null;
  /** The same with links followed: esbuild names files so. */
  realFolder: string | null;
  /** Some package carries machine code or another file it looks for at run time, and must stay a file itself. */
  native: boolean;
  /** Pinned by content: equal keys are equal trees. */
  key: string;
}

const nativeMark = "native";

/**
 * Installs what a lock pins, once per machine.
 *
 * @throws PrepareFailure `DependencyError` with bun's output
 */
export async function installPackages(
  lock: BunLock,
  cache: ContentCache,
  context: InstallContext,
): Promise<InstalledPackages> {
  if (Object.keys(lock.dependencies).length === 0)
    return { folder: null, realFolder: null, native: false, key: "none" };
  if (onlyProductClient(lock.dependencies)) {
    return { folder: null, realFolder: null, native: false, key: `client-${productClient.version}` };
  }
  const pins = lock.lockfile === null ? "" : lock.lockfile.content.toString("base64");
  const key = contentKey(["npm", lock.packageJson, pins, process.platform, process.arch]);
  const folder = await cache.installOnce("npm", key, async (artefact) => {
    context.io.log(`Installing ${String(Object.keys(lock.dependencies).length)} npm packages and what they need\n`);
    await cache.withFolder(async (temporary) => {
      const project = await installPinned(lock, temporary, context);
      await rename(join(project, "node_modules"), join(artefact, "node_modules"));
    });
    if (await hasNativeFiles(join(artefact, "node_modules"))) await writeFile(join(artefact, nativeMark), "");
  });
  return { folder, realFolder: await realpath(folder), native: (await readdir(folder)).includes(nativeMark), key };
}

async function installPinned(lock: BunLock, folder: string, context: InstallContext): Promise<string> {
  const project = { folder, packageJson: lock.packageJson, lockfile: lock.lockfile, action: "Installing npm packages" };
  // Only a text lock of bun's is compared as a whole; others are converted, which counts as a change.
  if (lock.lockfile?.name !== "bun.lock") return runBunInstall({ ...project, args: [] }, context);
  try {
    return await runBunInstall({ ...project, args: ["--frozen-lockfile"] }, context);
  } catch (error) {
    if (!(error instanceof PrepareFailure) || !error.message.includes("lockfile is frozen")) throw error;
    context.io.log("The lock was written by another version of bun; its pins are kept, its form is renewed.\n");
    await Promise.all(
      ["home", "project"].map((name, index) => rename(join(folder, name), join(folder, `old${String(index)}`))),
    );
    return runBunInstall({ ...project, args: [] }, context);
  }
}

/** Machine code and packages for one platform only cannot be inlined into a bundle. */
async function hasNativeFiles(folder: string): Promise<boolean> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (await hasNativeFiles(path)) return true;
    } else if (/\.(?:node|so|dylib)$|^binding\.gyp$/.test(entry.name)) return true;
    else if (entry.name === "package.json" && /"(?:os|cpu)"\s*:\s*\[/.test(await readFile(path, "utf8"))) return true;
  }
  return false;
}
