import { setTimeout as sleep } from "node:timers/promises";
import { isConflict, isConnectionLoss } from "./failure.ts";

/**
 * Which failures may be repeated: `conflict` = the database rolled the work back (deadlock, serialization);
 * `idempotent` = also a lost connection, after which the work may have happened already; `never` = none.
 */
export type Retry = "never" | "conflict" | "idempotent";

export interface RetryOptions {
  readonly retry: Retry;
  /** Give up when a failure comes later than this after the first try; default 15 s, enough for a database restart. */
  readonly withinMs?: number;
  /** First pause; it doubles up to 1 s, each with 50–100 % jitter. Default 20 ms. */
  readonly pauseMs?: number;
}

/** Runs `work` again while it fails in a way that `retry` allows; throws the last error. */
export async function retrying<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const start = performance.now();
  let pauseMs = options.pauseMs ?? 20;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!mayRepeat(error, options.retry)) throw error;
      const pause = pauseMs * (0.5 + Math.random() / 2);
      if (performance.now() - start + pause > (options.withinMs ?? 15_000)) throw error;
      await sleep(pause);
      pauseMs = Math.min(pauseMs * 2, 1000);
    }
  }
}

function mayRepeat(error: unknown, retry: Retry): boolean {
  if (retry === "never") return false;
  return isConflict(error) || (retry === "idempotent" && isConnectionLoss(error));
}
