// Numbers and how they are taken: percentiles, closed loops of callers, a fixed reference loop, memory of process trees.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

export const median = (values) =>
  quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );

function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;
}

/** Milliseconds of one call after the other: `{p50, p99}`. */
export async function oneByOne(count, call) {
  const [only] = await byTurns(count, count, [call]);
  return only;
}

/** The same for several calls that take turns, `block` times each. */
export async function byTurns(count, block, calls) {
  const times = calls.map(() => []);
  for (let done = 0; done < count; done += block) {
    for (const [index, call] of calls.entries()) {
      for (let n = done; n < Math.min(count, done + block); n += 1) {
        const from = performance.now();
        await call(n);
        times[index].push(performance.now() - from);
      }
    }
  }
  return times.map((each) => {
    each.sort((a, b) => a - b);
    return { p50: quantile(each, 0.5), p99: quantile(each, 0.99) };
  });
}

/** Calls per second with `callers` at the same time, each making the next call when its last is answered. */
export async function together(count, callers, call) {
  let next = 0;
  const times = [];
  const from = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (let n = next++; n < count; n = next++) {
        const begun = performance.now();
        await call(n);
        times.push(performance.now() - begun);
      }
    }),
  );
  const seconds = (performance.now() - from) / 1000;
  times.sort((a, b) => a - b);
  return { perSecond: count / seconds, p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

/** The median of several rounds of a measurement that gives one number. */
export async function rounds(count, measure) {
  const values = [];
  for (let n = 0; n < count; n += 1) values.push(await measure(n));
  return median(values);
}

const block = Buffer.alloc(32 << 20, 7);
const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2));

/** Milliseconds of fixed work on one core: tells how fast and how quiet the machine is right now. */
export function reference() {
  const times = Array.from({ length: 5 }, () => {
    const from = performance.now();
    fib(32);
    createHash("sha256").update(block).digest();
    return performance.now() - from;
  });
  return median(times);
}

/** Proportional memory of a process and its descendants, in MiB. `leaveOut` drops some by their command line. */
export function treeMemory(pid, leaveOut = () => false) {
  const own = (id) => {
    try {
      const command = readFileSync(`/proc/${id}/cmdline`, "utf8").replaceAll("\0", " ");
      const children = readdirSync(`/proc/${id}/task`).flatMap((task) =>
        readFileSync(`/proc/${id}/task/${task}/children`, "utf8").trim().split(/\s+/).filter(Boolean),
      );
      const kib = leaveOut(command)
        ? 0
        : Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, "utf8"))?.[1] ?? 0);
      return kib / 1024 + children.reduce((sum, child) => sum + own(child), 0);
    } catch {
      return 0; // it ended meanwhile
    }
  };
  return own(pid);
}

/** A wrong answer makes a benchmark worthless, so it ends it. */
export function requireEqual(found, wanted, what) {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) {
    throw new Error(`${what}: wrong answer ${JSON.stringify(found)}, expected ${JSON.stringify(wanted)}`);
  }
}
