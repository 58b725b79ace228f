import { dirname } from "node:path";

/** Programs that can answer jobs; languages map to them. */
export type EngineName = "bun" | "node" | "deno" | "python" | "bash";

export interface Engine {
  name: EngineName;
  /** Command line, given the folder of the guest programs as the process sees it. */
  argv(guests: string): string[];
  /** Host files or folders of the installation, needed inside a sandbox besides `/usr`. */
  installation: string[];
  env: Record<string, string>;
  /** Kind of the cache that holds public packages for it; every runner may read it. */
  packages: "npm" | "wheels" | null;
}

export interface FoundPrograms {
  bun?: string | undefined;
  node?: string | undefined;
  deno?: string | undefined;
  python: { command: string; prefix: string };
  /** The Python that starts shells; the launcher's own. */
  shell: { command: string; prefix: string };
}

/** The engines that the programs found on this machine make possible. */
export function listEngines(found: FoundPrograms): Map<EngineName, Engine> {
  const engines = new Map<EngineName, Engine>();
  const add = (name: EngineName, engine: Pick<Engine, "argv" | "installation"> & Partial<Engine>): void => {
    engines.set(name, { env: {}, packages: null, ...engine, name });
  };
  const { bun, node, deno, python } = found;
  if (bun !== undefined) {
    add("bun", {
      argv: (guests) => [bun, "--no-install", `${guests}/javascript.mjs`],
      installation: outsideSystem(bun),
      packages: "npm",
      env: { DO_NOT_TRACK: "1", BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" },
    });
  }
  if (node !== undefined) {
    add("node", {
      argv: (guests) => [node, `${guests}/javascript.mjs`],
      installation: outsideSystem(node),
      packages: "npm",
    });
  }
  if (deno !== undefined) {
    add("deno", {
      argv: (guests) => [deno, "run", "-A", "--no-lock", "--no-prompt", "--quiet", `${guests}/javascript.mjs`],
      installation: outsideSystem(deno),
      env: { DENO_NO_UPDATE_CHECK: "1", DENO_DIR: "/tmp/deno" },
    });
  }
  const guest = (command: string) => (guests: string) => [command, "-I", "-u", "-B", `${guests}/python/zygote.py`];
  add("python", {
    argv: guest(python.command),
    installation: outsideSystem(python.prefix),
    packages: "wheels",
  });
  add("bash", { argv: guest(found.shell.command), installation: outsideSystem(found.shell.prefix) });
  return engines;
}

/** The path itself, unless every sandbox sees it anyway. */
export function outsideSystem(path: string): string[] {
  return path === "/usr" || path.startsWith("/usr/") || ["/bin", "/sbin"].includes(dirname(path)) ? [] : [path];
}
