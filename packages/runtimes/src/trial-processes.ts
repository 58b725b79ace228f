/** Looking at processes, for the tests of this package. */
import { readdirSync, readFileSync } from "node:fs";

export interface SeenProcess {
  pid: number;
  parent: number;
  command: string;
}

/** Every process of the machine with its command line. */
export function listProcesses(): SeenProcess[] {
  const found: SeenProcess[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (state !== "Z") found.push({ pid: Number(name), parent: Number(parent), command });
    } catch {
      // It ended while we were looking.
    }
  }
  return found;
}

/** Processes below `pid`. */
export function descendants(pid: number): SeenProcess[] {
  const all = listProcesses();
  const below = new Set([pid]);
  for (let grown = true; grown;) {
    grown = false;
    for (const each of all) {
      if (below.has(each.parent) && !below.has(each.pid)) {
        below.add(each.pid);
        grown = true;
      }
    }
  }
  return all.filter((each) => each.pid !== pid && below.has(each.pid));
}

/** Processes whose command line is or begins with `command`. */
export function processesNamed(command: string): SeenProcess[] {
  return listProcesses().filter((each) => each.command.startsWith(command));
}

/** Waits until a condition holds. Throws when it does not within ten seconds. */
export async function waitUntil(holds: () => boolean): Promise<void> {
  const until = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > until) throw new Error(`This did not come true in ten seconds: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
