import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { resolveWithAnswers } from "../cache/answers.ts";
import { contentKey } from "../cache/content-key.ts";
import { openCache } from "../cache/content-cache.ts";
import { PrepareFailure } from "../cache/failure.ts";
import { formatBunLock, formatPackageJson } from "./lock-text.ts";
import { productClient } from "./product-client.ts";
import { type InstallContext, runBunInstall } from "./project.ts";

/**
 * Resolves packages to a lock text. Answers are kept on disk: a recent one saves the registry a question, an old one
 * serves while no registry can be reached.
 *
 * @param packages name to range or tag
 * @throws PrepareFailure `DependencyError` with the resolver's output
 */
export async function resolvePackages(packages: ReadonlyMap<string, string>, context: InstallContext): Promise<string> {
  const packageJson = formatPackageJson(packages);
  if (packages.size === 0) return formatBunLock(packageJson, null);
  const question = contentKey(["bun", packageJson]);
  const { cacheFolder } = context.options;
  try {
    return await resolveWithAnswers({ folder: cacheFolder, question, io: context.io }, async () =>
      formatBunLock(packageJson, await askRegistry(packageJson, context)),
    );
  } catch (error) {
    // The shipped SDK needs no registry: its version is the pin.
    if (error instanceof PrepareFailure && onlyProductClient(packages)) return formatBunLock(packageJson, null);
    throw error;
  }
}

/** Whether all a script needs is the SDK in the version this product ships. */
export function onlyProductClient(packages: ReadonlyMap<string, string> | Record<string, string>): boolean {
  const entries = packages instanceof Map ? [...packages] : Object.entries(packages);
  return entries.every(([name, version]) => name === productClient.name && version === productClient.version);
}

async function askRegistry(packageJson: string, context: InstallContext): Promise<string> {
  return openCache(context.options.cacheFolder).withFolder(async (temporary) => {
    const folder = await runBunInstall(
      {
        folder: temporary,
        packageJson,
        lockfile: null,
        args: ["--lockfile-only", "--save-text-lockfile"],
        action: "Resolving npm packages",
      },
      context,
    );
    return readFile(join(folder, "bun.lock"), "utf8");
  });
}
