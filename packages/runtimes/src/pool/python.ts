import { execFile } from "node:child_process";
import { realpathSync } from "node:fs";
import { promisify } from "node:util";

const question = "import json, sys; print(json.dumps([sys.executable, sys.base_prefix, sys.version_info[:2]]))";

/**
 * The interpreter itself behind a name: version managers put shell scripts on the PATH that do not work in a sandbox.
 * Throws when there is no Python 3.8 or newer.
 */
export async function findPython(command: string): Promise<{ command: string; prefix: string; version: string }> {
  const { stdout } = await promisify(execFile)(command, ["-c", question], { timeout: 20_000 }).catch(
    (error: unknown) => {
      throw new Error(`${command} does not run: ${String(error)}. Install Python 3.8 or newer.`);
    },
  );
  const [executable, prefix, [major, minor]] = JSON.parse(stdout) as [string, string, [number, number]];
  if (major !== 3 || minor < 8) throw new Error(`${command} is Python ${major}.${minor}; 3.8 or newer is needed.`);
  return { command: realpathSync(executable), prefix: realpathSync(prefix), version: `${major}.${minor}` };
}
