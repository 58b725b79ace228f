/**
 * What the worker and the launcher (`launcher.py`) say to each other: one JSON object a line, over the launcher's
 * stdin and stdout. Users' data never goes this way: it has the runner's own pipes.
 */
import type { IsolationReport } from "../runtime.ts";

/** One thing to place in the new root of a sandboxed process, in the order given. */
export type Placement =
  | { kind: "read" | "write" | "device"; source: string; target: string }
  | { kind: "tmpfs"; target: string; sizeMb: number; mode: string }
  | { kind: "symlink"; target: string; to: string }
  | { kind: "proc"; target: string };

export interface SpawnSpec {
  id: number;
  /** Absolute path of the program first; as seen inside the sandbox. */
  argv: readonly string[];
  /** The whole environment. Never a secret: `/proc/<pid>/environ` shows it for the life of the process. */
  env: Record<string, string>;
  /** Working folder, as seen inside the sandbox. */
  cwd: string;
  level: IsolationReport["level"];
  /** Path of bwrap (level `bubblewrap`). */
  bubblewrap: string;
  /** User to become; `null` stays the user of the worker. */
  uid: number | null;
  /** Existing folder in which the launcher makes the named pipes `output`, `control` and `answer`. */
  pipes: string;
  /** Empty folder over which the new root is mounted (level `unshare`). */
  root: string;
  mounts: readonly Placement[];
  limits: { processes: number | null; openFiles: number; fileBytes: number };
  /** Folders to make in cgroup trees with the files to write in them. */
  cgroups: readonly (readonly [folder: string, settings: readonly (readonly [name: string, value: string])[]])[];
  /** Base64 of a BPF program, `""` for none. */
  seccomp: string;
}

export type LauncherRequest =
  | { op: "spawn"; spec: SpawnSpec }
  /** The worker has opened its ends of the pipes. */
  | { op: "opened"; id: number }
  | { op: "kill"; id: number }
  | { op: "limit"; id: number; settings: readonly (readonly [name: string, value: string])[] }
  | { op: "measure"; id: number };

/** `id` 0 is the launcher itself. */
export interface LauncherAnswer {
  id: number;
  ready?: { pid: number };
  /** `pid` is the outermost process of the runner. `error` tells why the program could not be started. */
  spawned?: { pid: number; error: string | null };
  measured?: { oomKills: number };
  /** The runner and everything below it is gone. `code` is 128 + signal for a killed one. */
  ended?: { code: number; oomKills: number };
}
