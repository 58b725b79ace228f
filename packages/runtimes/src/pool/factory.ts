import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Language } from "@towermill/contract";
import type { ExecutorLimits } from "../executor.ts";
import { installGuests } from "../guests/build.ts";
import type { Detection, IsolationReport } from "../runtime.ts";
import { findMemoryLimits } from "../sandbox/cgroup.ts";
import { chooseSandbox } from "../sandbox/ladder.ts";
import { type Level, makeSandbox, type Sandbox, type SandboxOptions } from "../sandbox/sandbox.ts";
import { type RunTool, sandboxTool } from "../sandbox/tool.ts";
import { type Engine, type EngineName, listEngines, outsideSystem } from "./engines.ts";
import { keepLauncher, type LauncherKeeper } from "./launcher-keeper.ts";
import { findPython } from "./python.ts";
import { type Slot, startSlot } from "./slot.ts";

/** Makes runners: holds the launcher, the sandbox and the engines of this machine. */
export interface RunnerFactory {
  isolation: IsolationReport;
  runTool: RunTool;
  /** Environment every job has before the script's and the worker group's. */
  baseEnv: Record<string, string>;
  useDetections(detections: ReadonlyMap<Language, Detection>): Promise<void>;
  has(engine: EngineName): boolean;
  start(engine: EngineName, memoryLimitMb: number): Promise<Slot>;
  limitMemory(slot: Slot, limitMb: number): void;
  stop(): Promise<void>;
}

export interface FactoryOptions {
  folder: string;
  cacheFolder: string;
  isolation: "auto" | Level;
  python?: string;
  bun: string | undefined;
  limits: ExecutorLimits;
  log(line: string): void;
}

interface Python {
  command: string;
  prefix: string;
}

/** Finds out what this machine offers and starts the launcher. Throws, leaving nothing behind, when it cannot. */
export async function openFactory(options: FactoryOptions): Promise<RunnerFactory> {
  const { limits, cacheFolder } = options;
  const python = await findPython(options.python ?? "python3");
  const folder = claimFolder(options.folder);
  const keeper = keepLauncher(python.command, options.log);
  const memory = findMemoryLimits();
  const stop = async (): Promise<void> => {
    await keeper.stop();
    memory.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all([installGuests(join(folder, "guests"), python.command), keeper.get()]);
    const ground = { folder, cacheFolder, tmpMb: limits.tmpMb, limits, memory };
    const { sandbox, report } = await climb(options, { ground, keeper, python });
    return describeFactory({ options, sandbox, report, keeper, python, stop });
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Climb {
  ground: Omit<SandboxOptions, "level" | "bubblewrap">;
  keeper: LauncherKeeper;
  python: Python;
}

async function climb(options: FactoryOptions, { ground, keeper, python }: Climb): ReturnType<typeof chooseSandbox> {
  const bubblewrap = ["/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"].find((path) => existsSync(path)) ?? "";
  const { folder, cacheFolder } = ground;
  return chooseSandbox({
    wanted: options.isolation,
    make: (level) => makeSandbox({ ...ground, level, bubblewrap }),
    launcher: await keeper.get(),
    python: { command: python.command, installation: outsideSystem(python.prefix), packages: null },
    missing: (level) => {
      if (process.platform !== "linux") return "it needs Linux";
      if (level === "bubblewrap" && bubblewrap === "") return "bwrap is not installed";
      return level === "uid" && process.getuid?.() !== 0 ? "the worker is not root" : null;
    },
    cacheFolder,
    hidden: [folder, join(cacheFolder, "bundles"), "/boot", "/root/.ssh", ...ownFiles()],
  });
}

interface Found {
  options: FactoryOptions;
  sandbox: Sandbox;
  report: IsolationReport;
  keeper: LauncherKeeper;
  python: Python;
  stop(): Promise<void>;
}

function describeFactory({ options, sandbox, report, keeper, python, stop }: Found): RunnerFactory {
  const { limits } = options;
  const env = baseEnv(options.bun);
  const outputLimits = { logBytes: limits.logBytes, keptChars: 1 << 20 };
  let engines = new Map<EngineName, Engine>();
  return {
    isolation: report,
    baseEnv: env,
    runTool: sandboxTool({ launcher: keeper.get, sandbox, memoryLimitMb: limits.memoryLimitMb * 2 }),
    useDetections: async (detections) => {
      engines = await enginesOf(detections, options.bun, python);
    },
    has: (name) => engines.has(name),
    start: async (name, memoryLimitMb) => {
      const engine = engines.get(name);
      if (engine === undefined) throw new Error(`There is no ${name} on this machine.`);
      const launcher = await keeper.get();
      return startSlot({ launcher, sandbox, engine, limits: outputLimits, memoryLimitMb, env });
    },
    limitMemory: (slot, limitMb) => {
      slot.memoryLimitMb = limitMb;
      slot.runner.launched.writeLimits(sandbox.memory.settings(limitMb));
    },
    stop,
  };
}

async function enginesOf(
  detections: ReadonlyMap<Language, Detection>,
  bun: string | undefined,
  python: Python,
): Promise<Map<EngineName, Engine>> {
  const command = (language: Language): string | undefined => {
    const found = detections.get(language);
    return found?.available === true && found.command !== "" ? found.command : undefined;
  };
  const detected = command("python3") ?? python.command;
  return listEngines({
    bun,
    node: process.execPath,
    deno: command("deno"),
    // What packages were installed for must be what runs them.
    python: detected === python.command ? python : await findPython(detected).catch(() => python),
    shell: python,
  });
}

function baseEnv(bun: string | undefined): Record<string, string> {
  const extra = bun === undefined ? [] : [dirname(bun)];
  const path = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", ...extra].join(":");
  return { PATH: path, HOME: "/tmp", LANG: "C.UTF-8", TZ: process.env["TZ"] ?? "UTC" };
}

/** A folder of this process; those of processes that are gone are removed. */
function claimFolder(parent: string): string {
  for (const name of readdirSync(parent)) {
    const pid = /^(\d+)-\w+$/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(parent, name), { recursive: true, force: true });
  }
  for (let number = 0; ; number += 1) {
    const folder = join(parent, `${process.pid}-${number}`);
    if (existsSync(folder)) continue;
    mkdirSync(folder, { mode: 0o711 });
    return folder;
  }
}

/** Files that lie where the platform was started: no job may see them. */
function ownFiles(): string[] {
  const folder = process.cwd();
  if (folder === "/" || folder.startsWith("/usr/") || folder.startsWith("/tmp")) return [];
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  return files.slice(0, 3).map((entry) => join(folder, entry.name));
}
