import { setTimeout as sleep } from "node:timers/promises";

interface Operation {
  id: number;
  kind: "wait" | "compute" | "fail";
  startedMs: number;
  endedMs: number;
  ok: boolean;
  value: number | string;
}

function primesBelow(limit: number): number {
  const sieve = new Uint8Array(limit).fill(1);
  let count = 0;
  for (let n = 2; n < limit; n += 1) {
    if (!sieve[n]) continue;
    count += 1;
    for (let m = n * n; m < limit; m += n) sieve[m] = 0;
  }
  return count;
}

async function operate(id: number, delayMs: number, origin: number): Promise<Operation> {
  const startedMs = Math.round(performance.now() - origin);
  const done = (kind: Operation["kind"], ok: boolean, value: number | string): Operation => ({
    id,
    kind,
    startedMs,
    endedMs: Math.round(performance.now() - origin),
    ok,
    value,
  });
  try {
    if (id % 7 === 6) throw new Error(`operation ${id} fails on purpose`);
    await sleep(delayMs);
    return id % 2 === 0 ? done("wait", true, delayMs) : done("compute", true, primesBelow(10_000));
  } catch (error) {
    return done("fail", false, error instanceof Error ? error.message : String(error));
  }
}

/**
 * Runs operations at the same time with Promise.all and shows that they overlapped.
 * The whole takes about as long as the longest one, not as long as their sum.
 */
export async function main(operations: number = 10, delay_ms: number = 100) {
  const origin = performance.now();
  const results = await Promise.all(Array.from({ length: operations }, (_, id) => operate(id, delay_ms, origin)));
  const elapsedMs = Math.round(performance.now() - origin);
  const waits = results.filter((result) => result.ok).length;
  console.log(`${operations} operations in ${elapsedMs} ms`);
  return {
    operations,
    succeeded: waits,
    failed: results.length - waits,
    elapsed_ms: elapsedMs,
    sequential_ms: waits * delay_ms,
    overlapped: elapsedMs < waits * delay_ms || waits < 2,
    results,
  };
}
