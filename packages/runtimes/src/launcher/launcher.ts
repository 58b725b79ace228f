import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { LauncherAnswer, LauncherRequest, SpawnSpec } from "./protocol.ts";
import { splitLines } from "./lines.ts";

/** How a launched process ended; `lost` when the launcher itself died and took it along. */
export interface LaunchEnd {
  code: number;
  oomKills: number;
  lost: boolean;
}

/** A process that is running. */
export interface Launched {
  pid: number;
  /** Tells the launcher that the worker's ends of the pipes are open. */
  opened(): void;
  kill(): void;
  writeLimits(settings: readonly (readonly [string, string])[]): void;
  /** How often the kernel ended a process of this runner for lack of memory; 0 when that cannot be known. */
  countOomKills(): Promise<number>;
  ended: Promise<LaunchEnd>;
}

export interface Launcher {
  /** Resolves when the program runs. Throws with the reason when it could not be started. */
  launch(spec: Omit<SpawnSpec, "id">): Promise<Launched>;
  readonly pid: number;
  /** Ends every process it started, then itself. */
  stop(): Promise<void>;
  /** Resolves when the launcher process is gone, for whatever reason. */
  gone: Promise<void>;
}

interface Entry {
  started(answer: { pid: number; error: string | null }): void;
  measured: ((oomKills: number) => void)[];
  ended(end: LaunchEnd): void;
}

const program = fileURLToPath(new URL("./launcher.py", import.meta.url));

/** The launcher needs no more than this; its environment is what a job could read in `/proc/1/environ`. */
const launcherEnv = { PATH: "/usr/local/bin:/usr/bin:/bin", LANG: "C.UTF-8" };

/** Starts the launcher with the given Python 3 (absolute path) and waits until it answers. */
export async function startLauncher(python: string, log: (line: string) => void): Promise<Launcher> {
  const child = spawn(python, ["-I", "-S", "-B", program], { env: launcherEnv, stdio: ["pipe", "pipe", "pipe"] });
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (text: string) => log(`launcher: ${text.trimEnd()}`));
  const entries = new Map<number, Entry>();
  const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const ready = new Promise<void>((resolve, reject) => {
    entries.set(0, { started: () => resolve(), measured: [], ended: () => reject(notStarted(python)) });
    child.once("error", (error) => reject(notStarted(python, error)));
  });
  child.stdout.on(
    "data",
    splitLines((line) => receive(entries, JSON.parse(line) as LauncherAnswer)),
  );
  child.stdin.on("error", () => undefined);
  child.once("close", () => loseAll(entries));
  await ready;
  return assemble(child, entries, gone);
}

function notStarted(python: string, cause?: Error): Error {
  const reason = cause === undefined ? "it ended at once" : cause.message;
  return new Error(`Could not start the launcher with ${python}: ${reason}. Python 3.8 or newer is needed.`);
}

function assemble(child: ChildProcess, entries: Map<number, Entry>, gone: Promise<void>): Launcher {
  let last = 0;
  const send = (request: LauncherRequest): void => {
    child.stdin?.write(`${JSON.stringify(request)}\n`);
  };
  return {
    pid: child.pid ?? 0,
    gone,
    launch: (spec) => launch({ ...spec, id: ++last }, entries, send),
    stop: async () => {
      child.stdin?.end();
      const timer = setTimeout(() => child.kill("SIGKILL"), 6000);
      await gone;
      clearTimeout(timer);
    },
  };
}

async function launch(
  spec: SpawnSpec,
  entries: Map<number, Entry>,
  send: (request: LauncherRequest) => void,
): Promise<Launched> {
  const { id } = spec;
  const measured: Entry["measured"] = [];
  let tellEnd: (end: LaunchEnd) => void = () => undefined;
  const ended = new Promise<LaunchEnd>((resolve) => {
    tellEnd = resolve;
  });
  const pid = await new Promise<number>((resolve, reject) => {
    const failed = (reason: string): void => reject(new Error(`Could not start ${spec.argv[0]}: ${reason}`));
    entries.set(id, {
      measured,
      started: (answer) => (answer.error === null ? resolve(answer.pid) : failed(answer.error)),
      ended: (end) => {
        failed("it ended before it was running");
        for (const tell of measured.splice(0)) tell(end.oomKills);
        tellEnd(end);
      },
    });
    send({ op: "spawn", spec });
  });
  return {
    pid,
    ended,
    opened: () => send({ op: "opened", id }),
    kill: () => send({ op: "kill", id }),
    writeLimits: (settings) => send({ op: "limit", id, settings }),
    countOomKills: () =>
      new Promise((resolve) => {
        if (!entries.has(id)) return resolve(0);
        measured.push(resolve);
        send({ op: "measure", id });
      }),
  };
}

function receive(entries: Map<number, Entry>, answer: LauncherAnswer): void {
  const entry = entries.get(answer.id);
  if (entry === undefined) return;
  if (answer.ready !== undefined) entry.started({ ...answer.ready, error: null });
  if (answer.spawned !== undefined) entry.started(answer.spawned);
  if (answer.measured !== undefined) entry.measured.shift()?.(answer.measured.oomKills);
  if (answer.ended === undefined) return;
  entries.delete(answer.id);
  entry.ended({ ...answer.ended, lost: false });
}

function loseAll(entries: Map<number, Entry>): void {
  const lost = [...entries.values()];
  entries.clear();
  for (const entry of lost) entry.ended({ code: 137, oomKills: 0, lost: true });
}
