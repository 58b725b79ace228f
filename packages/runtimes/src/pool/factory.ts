import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Language } from "@towermill/contract";
import type { ExecutorLimits } from "../executor.ts";
import { installGuests } from "../guests/build.ts";
import { startLauncher, type Launcher } from "../launcher/launcher.ts";
import type { Detection, IsolationReport } from "../runtime.ts";
import { chooseSandbox } from "../sandbox/ladder.ts";
import { makeSandbox, type Level, type Sandbox } from "../sandbox/sandbox.ts";
import { findMemoryLimits } from "../sandbox/cgroup.ts";
import { sandboxTool, type RunTool } from "../sandbox/tool.ts";
import { listEngines, outsideSystem, type Engine, type EngineName } from "./engines.ts";
import { findPython } from "./python.ts";
import { startSlot, type Slot } from "./slot.ts";

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

export async function openFactory(options: FactoryOptions): Promise<RunnerFactory> {
  const { limits, log } = options;
  const python = await findPython(options.python ?? "python3");
  const folder = claimFolder(options.folder);
  const guests = installGuests(join(folder, "guests"), python.command);
  const keepLauncher = superviseLauncher(python.command, log);
  const launcher = keepLauncher.get();
  const memory = findMemoryLimits();
  const bubblewrap = ["/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"].find((path) => existsSync(path)) ?? "";
  const make = (level: Level): Sandbox =>
    makeSandbox({
      level,
      folder,
      cacheFolder: options.cacheFolder,
      tmpMb: limits.tmpMb,
      limits,
      memory,
      bubblewrap,
    });
  await Promise.all([guests, launcher]);
  const choice = await chooseSandbox({
    wanted: options.isolation,
    make,
    launcher: await launcher,
    python: { command: python.command, installation: outsideSystem(python.prefix), packages: null },
    missing: (level) => {
      if (process.platform !== "linux") return "it needs Linux";
      if (level === "bubblewrap" && bubblewrap === "") return "bwrap is not installed";
      return level === "uid" && process.getuid?.() !== 0 ? "the worker is not root" : null;
    },
    cacheFolder: options.cacheFolder,
    hidden: [folder, join(options.cacheFolder, "bundles"), "/boot", "/root/.ssh", ...ownFolder()],
  });
  const { sandbox, report } = choice;
  let engines = new Map<EngineName, Engine>();
  const env = baseEnv(options.bun);
  const outputLimits = { logBytes: limits.logBytes, keptChars: 1 << 20 };
  return {
    isolation: report,
    baseEnv: env,
    runTool: sandboxTool({ launcher: keepLauncher.get, sandbox, memoryLimitMb: limits.memoryLimitMb * 2 }),
    useDetections: async (detections) => {
      const command = (language: Language): string | undefined => {
        const found = detections.get(language);
        return found?.available === true ? found.command : undefined;
      };
      const own = command("python3");
      engines = listEngines({
        bun: options.bun,
        node: process.execPath,
        deno: command("deno"),
        python: own === undefined || own === python.command ? python : await findPython(own).catch(() => python),
      });
    },
    has: (name) => engines.has(name),
    start: async (name, memoryLimitMb) => {
      const engine = engines.get(name);
      if (engine === undefined) throw new Error(`There is no ${name} on this machine.`);
      return startSlot({
        launcher: await keepLauncher.get(),
        sandbox,
        engine,
        limits: outputLimits,
        memoryLimitMb,
        env,
      });
    },
    limitMemory: (slot, limitMb) => {
      slot.memoryLimitMb = limitMb;
      slot.runner.launched.writeLimits(memory.settings(limitMb));
    },
    stop: async () => {
      await keepLauncher.stop();
      memory.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
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

/** Keeps one launcher alive: when it dies the next one who needs it starts another. */
function superviseLauncher(
  python: string,
  log: (line: string) => void,
): { get: () => Promise<Launcher>; stop: () => Promise<void> } {
  let current: Promise<Launcher> | undefined;
  let stopped = false;
  const get = (): Promise<Launcher> => {
    if (stopped) return Promise.reject(new Error("The executor is stopped."));
    current ??= startLauncher(python, log).then((launcher) => {
      void launcher.gone.then(() => {
        current = undefined;
        if (!stopped) log("The launcher ended unexpectedly; a new one is started when it is needed.");
      });
      return launcher;
    });
    current.catch(() => (current = undefined));
    return current;
  };
  return {
    get,
    stop: async () => {
      stopped = true;
      const launcher = await current?.catch(() => undefined);
      await launcher?.stop();
    },
  };
}

/** Where the platform was started, unless that is a place every sandbox shows. */
function ownFolder(): string[] {
  const folder = process.cwd();
  return folder === "/" || folder.startsWith("/usr") || folder.startsWith("/tmp") ? [] : [folder];
}
