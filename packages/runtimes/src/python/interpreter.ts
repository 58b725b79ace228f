import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** The Python this worker runs scripts with. */
export interface Interpreter {
  /** Real program, past the shims of version managers and virtual environments. */
  command: string;
  /** Such as `3.11.7`. */
  version: string;
  /** Such as `cpython-311-x86_64-linux-gnu`: equal tags can share compiled packages. */
  tag: string;
  /** Names of the modules it brings itself. */
  modules: ReadonlySet<string>;
  hasPip: boolean;
  /** The `uv` program, when it is on the PATH. */
  uv: string | null;
}

const probe = `
import importlib.util, json, os, pkgutil, sys, sysconfig
base = getattr(sys, "_base_executable", None) or sys.executable
names = getattr(sys, "stdlib_module_names", None)
if names is None:
    folders = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    names = {m.name for m in pkgutil.iter_modules(folders)} | set(sys.builtin_module_names)
print(json.dumps({
    "command": os.path.realpath(base),
    "version": "%d.%d.%d" % sys.version_info[:3],
    "tag": sys.implementation.cache_tag + "-" + str(sysconfig.get_config_var("MULTIARCH") or sysconfig.get_platform()),
    "modules": sorted(names),
}))
`;

/** Sentence for machines without Python. */
export const missingPython =
  "Install Python 3.9 or newer with venv and pip, such as `apt-get install python3 python3-venv python3-pip`.";

let found: Promise<Interpreter | null> | undefined;

/** Looks once for `python3` on the PATH and asks it about itself; `null` when there is none that works. */
export function findPython(): Promise<Interpreter | null> {
  found ??= askPython().catch(() => null);
  return found;
}

async function askPython(): Promise<Interpreter | null> {
  const command = await findProgram("python3");
  if (command === null) return null;
  const { stdout } = await execute(command, ["-I", "-c", probe], { timeout: 20_000 });
  const answer = JSON.parse(stdout) as { command: string; version: string; tag: string; modules: string[] };
  // Version managers and virtual environments add modules of their own; only the base interpreter's pip counts.
  const hasPip = await execute(answer.command, ["-I", "-m", "pip", "--version"], { timeout: 20_000 }).then(
    () => true,
    () => false,
  );
  return {
    ...answer,
    modules: new Set([...answer.modules, "__future__", "__main__"]),
    hasPip,
    uv: await findProgram("uv"),
  };
}

/** Absolute path of a program on the PATH. */
export async function findProgram(name: string): Promise<string | null> {
  for (const folder of (process.env["PATH"] ?? "").split(":")) {
    if (!folder.startsWith("/")) continue;
    const path = join(folder, name);
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return path;
  }
  return null;
}

let settings: Promise<Record<string, string>> | undefined;

/** What the host's pip configuration files say, as the environment variables pip knows (`PIP_INDEX_URL`…). */
export function pipSettings(interpreter: Interpreter): Promise<Record<string, string>> {
  settings ??= readPipSettings(interpreter);
  return settings;
}

async function readPipSettings(interpreter: Interpreter): Promise<Record<string, string>> {
  if (!interpreter.hasPip) return {};
  const listed = await execute(interpreter.command, ["-m", "pip", "config", "list"], { timeout: 20_000 }).catch(
    () => null,
  );
  const env: Record<string, string> = {};
  for (const line of listed?.stdout.split("\n") ?? []) {
    const match = /^(?:global|install|download|wheel)\.([a-z-]+)='(.*)'$/.exec(line.trim());
    if (match?.[1] !== undefined && match[2] !== undefined) {
      env[`PIP_${match[1].replaceAll("-", "_").toUpperCase()}`] = match[2].replaceAll("\\n", " ");
    }
  }
  return env;
}
