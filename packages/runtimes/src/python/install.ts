import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { contentKey } from "../cache/content-key.ts";
import { makeToolFolder } from "../cache/installer.ts";
import { prepareFailure } from "../cache/failure.ts";
import { normalizeName } from "./package-names.ts";
import { checkRequirement, splitLines, splitOptions } from "./requirements.ts";
import { findPip, type PythonContext, runPythonTool } from "./tool.ts";
import { wheelInstaller } from "./wheel-installer.ts";

interface Pin {
  requirement: string;
  name: string;
  key: string;
}

const purpose = { name: "DependencyError", action: "Installing Python packages" };

/**
 * Installs what a lock pins, each package once per machine into a folder of its own.
 *
 * @returns the folders, in the order of the lock, for PYTHONPATH
 * @throws PrepareFailure `DependencyError` with the installer's output
 */
export async function installRequirements(lock: string, context: PythonContext): Promise<string[]> {
  const { options, requirements } = splitOptions(splitLines(lock).map((line) => checkRequirement(line, "the lock")));
  const pins = requirements.map((requirement) => makePin(requirement, options, context));
  const missing: Pin[] = [];
  for (const pin of pins) if ((await context.cache.find("wheels", pin.key)) === null) missing.push(pin);
  if (missing.length > 0) {
    context.io.log(`Installing ${missing.map((pin) => pin.requirement).join(", ")}\n`);
    await context.cache.withFolder((folder) => installMissing({ missing, options, folder }, context));
  }
  const folders = await Promise.all(pins.map((pin) => context.cache.find("wheels", pin.key)));
  return folders.filter((folder) => folder !== null);
}

function makePin(requirement: string, options: readonly string[], { interpreter }: PythonContext): Pin {
  const name = normalizeName(/^[A-Za-z0-9._-]+/.exec(requirement)?.[0] ?? "");
  const key = `${name.slice(0, 100)}-${contentKey([requirement, interpreter.tag, ...options]).slice(0, 24)}`;
  return { requirement, name, key };
}

interface Installation {
  missing: readonly Pin[];
  options: readonly string[];
  folder: string;
}

async function installMissing({ missing, options, folder }: Installation, context: PythonContext): Promise<void> {
  const installed = await makeToolFolder(join(folder, "installed"));
  const { interpreter, cache } = context;
  if (interpreter.hasPip || interpreter.uv === null) {
    const input = join(folder, "requirements.txt");
    await writeFile(input, [...options, ...missing.map((pin) => pin.requirement), ""].join("\n"));
    const pip = await findPip(context);
    const wheels = await makeToolFolder(join(folder, "wheels"));
    const args = ["-m", "pip", "wheel", "--no-deps", "--quiet", "-w", wheels, "-r", input];
    await runPythonTool({ command: pip.command, args, mounts: pip.mounts, folder, purpose }, context);
    const unpack = ["-I", "-c", wheelInstaller, wheels, installed];
    await runPythonTool({ command: interpreter.command, args: unpack, folder, purpose }, context);
  } else await installWithUv({ missing, options, folder }, interpreter.uv, context);
  for (const pin of missing) {
    await cache.installOnce("wheels", pin.key, async (artefact) => {
      await rename(join(installed, pin.name), artefact).catch(() => {
        throw prepareFailure(
          "DependencyError",
          `The installer brought no package named "${pin.name}" for "${pin.requirement}".`,
        );
      });
    });
  }
}

async function installWithUv(
  { missing, options, folder }: Installation,
  uv: string,
  context: PythonContext,
): Promise<void> {
  for (const pin of missing) {
    const input = join(folder, `${pin.name}.txt`);
    await writeFile(input, [...options, pin.requirement, ""].join("\n"));
    const target = join(folder, "installed", pin.name);
    const args = [
      "pip",
      "install",
      "--no-deps",
      "--quiet",
      "--compile-bytecode",
      "--python",
      context.interpreter.command,
    ];
    await runPythonTool({ command: uv, args: [...args, "--target", target, "-r", input], folder, purpose }, context);
  }
}
