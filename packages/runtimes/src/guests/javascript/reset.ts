import { mkdirSync, openSync, readSync, readdirSync, rmSync } from "node:fs";

type Clear = (handle: never) => void;

/**
 * What is undone between two jobs of one process: timers, listeners on `process`, environment, working folder, exit
 * code, files in `/tmp`. Kept, as on AWS Lambda: module state and globals.
 */
export interface Reset {
  before(env: Record<string, string>, cwd: string): void;
  /** Nothing of the job may run between this and the next `before`. */
  after(): void;
}

export function prepareReset(ownTmp: boolean): Reset {
  const timers = trackTimers();
  const baseline = new Map(process.eventNames().map((name) => [name, process.rawListeners(name)]));
  const originalExit = process.exit;
  const kept = new Set(ownTmp ? readdirSync("/tmp") : []);
  const none: ReadonlySet<string> = new Set();
  let folder = "";
  let given: Record<string, string | undefined> = { ...process.env };
  return {
    before(env, cwd) {
      // most is what the job before had, and setting costs more than comparing
      for (const name in given) if (!Object.hasOwn(env, name)) delete process.env[name];
      for (const name in env) if (env[name] !== given[name]) process.env[name] = env[name];
      given = env;
      enterFolder(cwd);
      folder = cwd;
    },
    after() {
      timers.clear();
      restoreEnvironment(given);
      process.exit = originalExit;
      process.exitCode = undefined;
      // Bun keeps the old number when it is unset.
      if (process.exitCode !== undefined) process.exitCode = 0;
      for (const name of process.eventNames()) {
        const ours = baseline.get(name) ?? [];
        for (const listener of process.rawListeners(name)) {
          if (!ours.includes(listener)) process.removeListener(name, listener as () => void);
        }
      }
      process.chdir("/");
      emptyFolder(folder, none);
      if (ownTmp) emptyFolder("/tmp", kept);
    },
  };
}

/** Wraps the timer functions so that what a job left ticking can be stopped. */
function trackTimers(): { clear(): void } {
  const alive = new Map<unknown, Clear>();
  const scope = globalThis as unknown as Record<string, (...args: unknown[]) => unknown>;
  const pairs = [
    ["setTimeout", "clearTimeout"],
    ["setInterval", "clearInterval"],
    ["setImmediate", "clearImmediate"],
  ] as const;
  for (const [setName, clearName] of pairs) {
    const set = scope[setName];
    const clear = scope[clearName];
    if (set === undefined || clear === undefined) continue;
    const once = setName !== "setInterval";
    const wrapped = (callback: unknown, ...rest: unknown[]): unknown => {
      if (typeof callback !== "function") return set(callback, ...rest);
      const run = function (this: unknown, ...args: unknown[]): unknown {
        if (once) alive.delete(handle);
        return Reflect.apply(callback, this, args);
      };
      const handle = set(run, ...rest);
      alive.set(handle, clear as Clear);
      return handle;
    };
    // Node's promisify(setTimeout) looks for these on the function.
    Object.defineProperties(wrapped, Object.getOwnPropertyDescriptors(set));
    scope[setName] = wrapped;
    scope[clearName] = (handle: unknown): unknown => {
      alive.delete(handle);
      return clear(handle);
    };
  }
  return {
    clear() {
      for (const [handle, clear] of alive) clear(handle as never);
      alive.clear();
    },
  };
}

function restoreEnvironment(given: Record<string, string | undefined>): void {
  for (const name of Object.keys(process.env)) if (!Object.hasOwn(given, name)) delete process.env[name];
  for (const name in given) if (process.env[name] !== given[name]) process.env[name] = given[name];
}

/** Making a folder costs a hundred times more than finding one empty, so it is emptied rather than made anew. */
function enterFolder(path: string): void {
  try {
    process.chdir(path);
  } catch {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    process.chdir(path);
  }
}

function emptyFolder(path: string, kept: ReadonlySet<string>): void {
  try {
    for (const name of readdirSync(path)) {
      if (!kept.has(name)) rmSync(`${path}/${name}`, { recursive: true, force: true });
    }
  } catch {
    // A job can make what cannot be removed; it goes with the runner's folder.
  }
}

/**
 * Answers whether programs that jobs started are still running, be they this process's children or orphans. The kernel's
 * lists stay open: looking into one costs a tenth of finding it.
 */
export function watchProcesses(): () => boolean {
  const bytes = Buffer.alloc(64);
  const countIn = (list: number): number => {
    const length = readSync(list, bytes, 0, bytes.length, 0);
    return bytes.toString("latin1", 0, length).split(" ").length - 1;
  };
  try {
    const own = openSync(`/proc/self/task/${process.pid}/children`, "r");
    const siblings = openSync(`/proc/${process.ppid}/task/${process.ppid}/children`, "r");
    return () => {
      try {
        return countIn(own) > 0 || countIn(siblings) > 1;
      } catch {
        return true; // the job closed what it did not open
      }
    };
  } catch {
    return () => false;
  }
}
