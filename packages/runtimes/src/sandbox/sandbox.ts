import { chmodSync, chownSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { IsolationReport } from "../runtime.ts";
import type { Placement, SpawnSpec } from "../launcher/protocol.ts";
import type { CodeView } from "../pool/code.ts";
import { makePrivateFolder } from "../pool/slot.ts";
import type { MemoryLimits } from "./cgroup.ts";
import { seccompFilter } from "./seccomp.ts";
import { systemPlacements, writePrivateEtc } from "./system.ts";

export type Level = IsolationReport["level"];

/** Users that jobs run as when the worker is root: one per runner, so that they cannot touch one another. */
export const firstUid = 61_000;
export const uidCount = 256;

/** A runner's place: what to launch it with, less program and environment. */
export interface Place {
  /** Folder of the host that holds all its files; removed with it. */
  folder: string;
  spec: Omit<SpawnSpec, "id" | "argv" | "env">;
  /** Folders as the process sees them. */
  guests: string;
  work: string;
  /** `null` where the process sees the host's own cache. */
  code: CodeView | null;
}

export interface Sandbox {
  level: Level;
  /** Whether `/tmp` is the process's own and may be emptied between jobs. */
  ownTmp: boolean;
  makePlace(program: { installation: readonly string[] }, memoryLimitMb: number): Place;
  /** A place for a tool: `cwd` writable at its own path, `mounts` readable. */
  makeToolPlace(tool: ToolPlaceRequest): Place;
  memory: MemoryLimits;
}

export interface ToolPlaceRequest {
  installation: readonly string[];
  cwd: string;
  mounts: readonly string[];
  memoryLimitMb: number;
}

export interface SandboxOptions {
  level: Level;
  /** Folder of this executor; runners' folders are made in it. */
  folder: string;
  cacheFolder: string;
  sharedKinds: readonly string[];
  tmpMb: number;
  limits: { processes: number; openFiles: number; fileBytes: number };
  memory: MemoryLimits;
  /** Path of bwrap, `""` when there is none. */
  bubblewrap: string;
}

/** Prepares what all runners of one isolation level share and returns the maker of their places. */
export function makeSandbox(options: SandboxOptions): Sandbox {
  const { level, folder } = options;
  const root = join(folder, "root");
  const etc = join(folder, "etc");
  const runners = join(folder, "runners");
  for (const path of [root, runners]) mkdirSync(path, { recursive: true });
  const hides = level === "unshare" || level === "bubblewrap";
  if (hides) writePrivateEtc(etc, { first: process.getuid?.() === 0 ? firstUid : (process.getuid?.() ?? firstUid), count: uidCount });
  const kinds = options.sharedKinds.map((kind) => join(options.cacheFolder, kind));
  for (const path of kinds) mkdirSync(path, { recursive: true });
  const system = hides ? systemPlacements(etc, options.tmpMb) : [];
  const seccomp = hides ? (seccompFilter(process.arch)?.toString("base64") ?? "") : "";
  const asRoot = process.getuid?.() === 0;
  let count = 0;

  const base = (place: string, memoryLimitMb: number): Omit<Place["spec"], "cwd" | "mounts"> => {
    count += 1;
    const uid = asRoot && level !== "none" ? firstUid + (count % uidCount) : null;
    const pipes = join(place, "pipes");
    mkdirSync(pipes, { mode: 0o700 });
    return {
      level,
      bubblewrap: options.bubblewrap,
      uid,
      pipes,
      root,
      seccomp,
      // Without users of its own a limit on processes would count the worker's and everybody else's.
      limits: { ...options.limits, processes: hides || uid !== null ? options.limits.processes : null },
      cgroups: options.memory.groups(String(count), memoryLimitMb),
    };
  };

  return {
    level,
    ownTmp: hides,
    memory: options.memory,
    makePlace(program, memoryLimitMb) {
      const place = makePrivateFolder(runners);
      const spec = base(place, memoryLimitMb);
      const work = join(place, "work");
      const view = join(place, "code");
      mkdirSync(work, { mode: 0o700 });
      mkdirSync(view);
      if (spec.uid !== null) chownSync(work, spec.uid, spec.uid);
      const guests = join(folder, "guests");
      if (!hides) return { folder: place, spec: { ...spec, cwd: work, mounts: [] }, guests, work, code: null };
      // Mounts below it need their folders to be there.
      for (const kind of options.sharedKinds) mkdirSync(join(view, kind));
      const mounts: Placement[] = [
        ...system,
        ...program.installation.map(readable),
        { kind: "read", source: guests, target: "/towermill" },
        { kind: "write", source: work, target: "/job" },
        { kind: "read", source: view, target: options.cacheFolder },
        ...kinds.map(readable),
      ];
      const code = { view, cache: options.cacheFolder, sharedKinds: options.sharedKinds };
      return { folder: place, spec: { ...spec, cwd: "/job", mounts }, guests: "/towermill", work: "/job", code };
    },
    makeToolPlace(tool) {
      const place = makePrivateFolder(runners);
      const spec = base(place, tool.memoryLimitMb);
      if (spec.uid !== null) chownSync(tool.cwd, spec.uid, spec.uid);
      chmodSync(tool.cwd, 0o700);
      const readables = [...tool.installation, ...tool.mounts].filter((path) => existsSync(path));
      if (hides) for (const path of readables) makePlaceInEtc(path, etc);
      const mounts: Placement[] = hides
        ? [...system, ...readables.map(readable), { kind: "write", source: tool.cwd, target: tool.cwd }]
        : [];
      return { folder: place, spec: { ...spec, cwd: tool.cwd, mounts }, guests: "", work: tool.cwd, code: null };
    },
  };
}

function readable(path: string): Placement {
  return { kind: "read", source: path, target: path };
}

/** What is to be seen below the private, read-only `/etc` needs something there to be mounted over. */
function makePlaceInEtc(path: string, etc: string): void {
  if (!path.startsWith("/etc/")) return;
  const target = join(etc, path.slice("/etc/".length));
  if (existsSync(target)) return;
  mkdirSync(dirname(target), { recursive: true });
  if (statSync(path).isDirectory()) mkdirSync(target);
  else writeFileSync(target, "");
}
