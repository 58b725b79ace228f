import { mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";

type Clear = (handle: never) => void;

/**
 * What is undone between two jobs of one process: timers, listeners on `process`, environment, working folder, exit
 * code, files in `/tmp`. Kept, as on AWS Lambda: module state and globals.
 */
export interface Reset {
  before(env: Record<string, string>, cwd: string): void;
  after(): void;
}

export function prepareReset(ownTmp: boolean): Reset {
  const timers = trackTimers();
  const baseline = new Map(process.eventNames().map((name) => [name, process.rawListeners(name)]));
  const originalExit = process.exit;
  const kept = new Set(ownTmp ? readdirSync("/tmp") : []);
  const none: ReadonlySet<string> = new Set();
  let folder = "";
  return {
    before(env, cwd) {
      for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
      Object.assign(process.env, env);
      enterFolder(cwd);
      folder = cwd;
    },
    after() {
      timers.clear();
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

/** Whether programs that the job started are still running, be they this process's children or orphans. */
export function leftProcessesBehind(): boolean {
  try {
    const own = readFileSync(`/proc/self/task/${process.pid}/children`, "latin1").trim();
    const siblings = readFileSync(`/proc/${process.ppid}/task/${process.ppid}/children`, "latin1").trim();
    return own !== "" || siblings.includes(" ");
  } catch {
    return false;
  }
}
