import { chmodSync, chownSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { IsolationReport } from "../runtime.ts";
import type { Placement, SpawnSpec } from "../launcher/protocol.ts";
import type { CodeView } from "../pool/code.ts";
import { makePrivateFolder } from "../pool/slot.ts";
import type { MemoryLimits } from "./cgroup.ts";
import { seccompFilter } from "./seccomp.ts";
import { makePlaceInEtc, systemPlacements, writePrivateEtc } from "./system.ts";

export type Level = IsolationReport["level"];

/** Users that jobs run as when the worker is root: one per runner, so that they cannot touch one another. */
const firstUid = 61_000;
const uidCount = 256;

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
  makePlace(program: PlacedProgram, memoryLimitMb: number): Place;
  /** A place for a tool: `cwd` writable at its own path, `mounts` readable. */
  makeToolPlace(tool: ToolPlaceRequest): Place;
  memory: MemoryLimits;
}

export interface PlacedProgram {
  installation: readonly string[];
  /** Kind of the cache (its first folder level) that every runner of it may read. */
  packages: string | null;
}

export interface ToolPlaceRequest {
  cwd: string;
  mounts: readonly string[];
  memoryLimitMb: number;
}

export interface SandboxOptions {
  level: Level;
  /** Folder of this executor; runners' folders are made in it. */
  folder: string;
  cacheFolder: string;
  tmpMb: number;
  limits: { processes: number; openFiles: number; fileBytes: number };
  memory: MemoryLimits;
  /** Path of bwrap, `""` when there is none. */
  bubblewrap: string;
}

/** What all places of one sandbox share. */
interface Ground {
  options: SandboxOptions;
  hides: boolean;
  etc: string;
  runners: string;
  guests: string;
  system: readonly Placement[];
  makeSpec(place: string, memoryLimitMb: number): Omit<Place["spec"], "cwd" | "mounts">;
}

/** Prepares what all runners of one isolation level share and returns the maker of their places. */
export function makeSandbox(options: SandboxOptions): Sandbox {
  const { level, folder } = options;
  const hides = level === "unshare" || level === "bubblewrap";
  const etc = join(folder, "etc");
  const runners = join(folder, "runners");
  mkdirSync(runners, { recursive: true });
  const own = process.getuid?.() ?? firstUid;
  if (hides) writePrivateEtc(etc, own === 0 ? { first: firstUid, count: uidCount } : { first: own, count: 1 });
  const ground: Ground = {
    options,
    hides,
    etc,
    runners,
    guests: join(folder, "guests"),
    system: hides ? systemPlacements(etc, options.tmpMb) : [],
    makeSpec: specMaker(options, hides),
  };
  return {
    level,
    ownTmp: hides,
    memory: options.memory,
    makePlace: (program, memoryLimitMb) => makePlace(ground, program, memoryLimitMb),
    makeToolPlace: (tool) => makeToolPlace(ground, tool),
  };
}

function specMaker(options: SandboxOptions, hides: boolean): Ground["makeSpec"] {
  const { level, folder } = options;
  const root = join(folder, "root");
  mkdirSync(root, { recursive: true });
  const seccomp = hides ? (seccompFilter(process.arch)?.toString("base64") ?? "") : "";
  const asRoot = process.getuid?.() === 0;
  let count = 0;
  return (place, memoryLimitMb) => {
    count += 1;
    const uid = asRoot && level !== "none" ? firstUid + (count % uidCount) : null;
    return {
      level,
      bubblewrap: options.bubblewrap,
      uid,
      pipes: place,
      root,
      seccomp,
      // Without users of its own a limit on processes would count the worker's and everybody else's.
      limits: { ...options.limits, processes: hides || uid !== null ? options.limits.processes : null },
      cgroups: options.memory.groups(`${level}-${count}`, memoryLimitMb),
    };
  };
}

function makePlace(ground: Ground, program: PlacedProgram, memoryLimitMb: number): Place {
  const { guests, options } = ground;
  const folder = makePrivateFolder(ground.runners);
  const spec = ground.makeSpec(folder, memoryLimitMb);
  const work = join(folder, "work");
  mkdirSync(work, { mode: 0o700 });
  if (spec.uid !== null) chownSync(work, spec.uid, spec.uid);
  if (!ground.hides) return { folder, spec: { ...spec, cwd: work, mounts: [] }, guests, work, code: null };
  const { cacheFolder } = options;
  const view = join(folder, "code");
  mkdirSync(view);
  const packages = program.packages === null ? [] : [join(cacheFolder, program.packages)];
  for (const path of packages) {
    mkdirSync(path, { recursive: true });
    // A mount below another needs its folder to be there.
    mkdirSync(join(view, program.packages ?? ""));
  }
  const mounts: Placement[] = [
    ...ground.system,
    ...program.installation.map(readable),
    { kind: "read", source: guests, target: "/towermill" },
    { kind: "write", source: work, target: "/job" },
    { kind: "read", source: view, target: cacheFolder },
    ...packages.map(readable),
  ];
  const code = { view, cache: cacheFolder, packages: program.packages };
  return { folder, spec: { ...spec, cwd: "/job", mounts }, guests: "/towermill", work: "/job", code };
}

function makeToolPlace(ground: Ground, tool: ToolPlaceRequest): Place {
  const folder = makePrivateFolder(ground.runners);
  const spec = ground.makeSpec(folder, tool.memoryLimitMb);
  if (spec.uid !== null) chownSync(tool.cwd, spec.uid, spec.uid);
  chmodSync(tool.cwd, 0o700);
  const place = { folder, guests: "", work: tool.cwd, code: null };
  if (!ground.hides) return { ...place, spec: { ...spec, cwd: tool.cwd, mounts: [] } };
  const readables = tool.mounts.filter((path) => existsSync(path));
  for (const path of readables) makePlaceInEtc(path, ground.etc);
  const writable: Placement = { kind: "write", source: tool.cwd, target: tool.cwd };
  return {
    ...place,
    spec: { ...spec, cwd: tool.cwd, mounts: [...ground.system, ...readables.map(readable), writable] },
  };
}

function readable(path: string): Placement {
  return { kind: "read", source: path, target: path };
}
