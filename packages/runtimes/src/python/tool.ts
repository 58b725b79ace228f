import { rename } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ContentCache } from "../cache/content-cache.ts";
import { PrepareFailure, prepareFailure } from "../cache/failure.ts";
import {
  certificateMounts,
  installerEnvironment,
  makeToolFolder,
  runInstaller,
  type RuntimeOptions,
  type ToolPurpose,
} from "../cache/installer.ts";
import type { RunIo } from "../runtime.ts";
import { type Interpreter, pipSettings } from "./interpreter.ts";

/** What resolving and installing for one script needs. */
export interface PythonContext {
  interpreter: Interpreter;
  options: RuntimeOptions;
  cache: ContentCache;
  io: RunIo;
  signal: AbortSignal;
}

export interface PythonTool {
  command: string;
  args: string[];
  /** Private folder the tool works in; `home` is made inside. */
  folder: string;
  /** Further folders it reads. */
  mounts?: string[];
  purpose: ToolPurpose;
}

/** Runs pip, uv or Python itself in a private folder, with the host's index settings. */
export async function runPythonTool(tool: PythonTool, context: PythonContext): Promise<string> {
  const home = await makeToolFolder(join(tool.folder, "home"));
  const pip = await pipSettings(context.interpreter);
  const env: Record<string, string> = {
    ...pip,
    ...installerEnvironment(["PIP_", "UV_"], home),
    PIP_NO_INPUT: "1",
    PIP_DISABLE_PIP_VERSION_CHECK: "1",
    PIP_CONFIG_FILE: "/dev/null",
    PIP_ROOT_USER_ACTION: "ignore",
    PYTHONDONTWRITEBYTECODE: "1",
    UV_CACHE_DIR: join(home, "uv"),
    UV_PYTHON_DOWNLOADS: "never",
    NO_COLOR: "1",
  };
  const index = env["PIP_INDEX_URL"];
  if (index !== undefined) env["UV_DEFAULT_INDEX"] ??= index;
  const local = (env["PIP_FIND_LINKS"] ?? "").split(/\s+/).filter((path) => path.startsWith("/") && existsSync(path));
  const mounts = [...certificateMounts(env), ...local, ...(tool.mounts ?? []), ...programFolders(context.interpreter)];
  const { command, args, folder, purpose } = tool;
  return runInstaller(
    context.options.runTool,
    { command, args, env, cwd: folder, mounts, signal: context.signal },
    purpose,
  );
}

function programFolders(interpreter: Interpreter): string[] {
  // `{prefix}/bin/python3.11`; the system's own is always there.
  const prefix = join(interpreter.command, "..", "..");
  return prefix === "/usr" ? [] : [prefix];
}

const noInstaller =
  "Neither uv nor pip is to be had on this worker, so Python packages cannot be installed. " +
  "Install one of them, such as `apt-get install python3-pip`.";

/** A Python that has pip: the interpreter itself, else a private environment made once from the `ensurepip` it ships. */
export async function findPip(context: PythonContext): Promise<{ command: string; mounts: string[] }> {
  const { interpreter, cache } = context;
  if (interpreter.hasPip) return { command: interpreter.command, mounts: [] };
  const key = `pip-${interpreter.version}-${interpreter.tag}`.replace(/[^A-Za-z0-9._+-]/g, "-");
  try {
    const folder = await cache.installOnce("tools", key, (artefact) => makePip(artefact, context));
    return { command: join(folder, "bin", "python3"), mounts: [folder] };
  } catch (error) {
    if (error instanceof PrepareFailure) throw prepareFailure("DependencyError", `${noInstaller}\n${error.message}`);
    throw error;
  }
}

async function makePip(artefact: string, context: PythonContext): Promise<void> {
  await context.cache.withFolder(async (folder) => {
    const environment = join(folder, "environment");
    const args = ["-m", "venv", "--copies", environment];
    const purpose = { name: "DependencyError", action: "Making a private pip" };
    await runPythonTool({ command: context.interpreter.command, args, folder, purpose }, context);
    await rename(environment, artefact);
  });
}
