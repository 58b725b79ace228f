import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { IsolationReport } from "../runtime.ts";

type Settings = readonly (readonly [name: string, value: string])[];

/** How the memory of a runner is limited on this machine. */
export interface MemoryLimits {
  kind: IsolationReport["memoryLimit"];
  /** Folder for a runner and what to write in it; empty where memory is only sampled. */
  groups(name: string, limitMb: number): (readonly [folder: string, settings: Settings])[];
  settings(limitMb: number): Settings;
  /** Removes the groups of runners that are gone. */
  close(): void;
}

const sampled: MemoryLimits = { kind: "sampled", groups: () => [], settings: () => [], close: () => undefined };

/** Finds a cgroup tree below the worker's own group that it may write; tries it for real. */
export function findMemoryLimits(): MemoryLimits {
  for (const tree of [
    { kind: "cgroup2", base: ownGroup(/^0::(.*)$/m, "/sys/fs/cgroup"), settings: settings2 },
    {
      kind: "cgroup1",
      base: ownGroup(/^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m, "/sys/fs/cgroup/memory"),
      settings: settings1,
    },
  ] as const) {
    if (tree.base === null) continue;
    const parent = join(tree.base, `towermill-${process.pid}`);
    if (!tryGroup(parent, tree.kind, tree.settings)) continue;
    removeAbandoned(tree.base);
    return {
      kind: tree.kind,
      groups: (name, limitMb) => [[join(parent, name), tree.settings(limitMb)]],
      settings: tree.settings,
      close: () => removeGroup(parent),
    };
  }
  return sampled;
}

function settings2(limitMb: number): Settings {
  return [
    ["memory.max", `${limitMb}M`],
    ["memory.oom.group", "1"],
  ];
}

function settings1(limitMb: number): Settings {
  return [["memory.limit_in_bytes", `${limitMb}M`]];
}

function ownGroup(pattern: RegExp, root: string): string | null {
  try {
    const path = pattern.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1];
    if (path === undefined) return null;
    const folder = join(root, path);
    return existsSync(join(folder, "cgroup.procs")) ? folder : null;
  } catch {
    return null;
  }
}

function tryGroup(parent: string, kind: string, settings: (limitMb: number) => Settings): boolean {
  const trial = join(parent, "trial");
  try {
    mkdirSync(parent, { recursive: true });
    if (kind === "cgroup2") writeFileSync(join(parent, "cgroup.subtree_control"), "+memory");
    mkdirSync(trial);
    for (const [name, value] of settings(64)) writeFileSync(join(trial, name), value);
    rmdirSync(trial);
    return true;
  } catch {
    removeGroup(parent);
    return false;
  }
}

function removeGroup(folder: string): void {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) rmdirSync(join(folder, entry.name));
    }
    rmdirSync(folder);
  } catch {
    // Not made, or still in use by a process that is just ending; the next start removes it.
  }
}

function removeAbandoned(base: string): void {
  for (const name of readdirSync(base)) {
    const pid = /^towermill-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeGroup(join(base, name));
  }
}
