import type { ScheduleOptions } from "./schedule.ts";

/** What schedules react with a script or flow to. */
export type Reaction = "failure" | "recovery" | "success";

export type RunEnd = "success" | "failure";

/** How many ends {@link reactionsTo} has to see. */
export function historyNeeded(options: ScheduleOptions): number {
  return timesOf(options.on_failure_times) + timesOf(options.on_recovery_times) + 1;
}

export function timesOf(times: number | null | undefined): number {
  return Math.max(1, times ?? 1);
}

function runOf(ends: readonly RunEnd[], end: RunEnd): number {
  const other = ends.findIndex((found) => found !== end);
  return other === -1 ? ends.length : other;
}

/**
 * Which handlers a run calls for that just ended. `on_failure` when the last N runs failed, and at each failure beyond,
 * or only at the N-th with `on_failure_exact`; `on_recovery` at the M-th success in a row after such failures;
 * `on_success` at every success. Cancelled and skipped runs do not count.
 * @param ends newest first, the run that just ended included
 */
export function reactionsTo(ends: readonly RunEnd[], options: ScheduleOptions): Reaction[] {
  const failuresWanted = timesOf(options.on_failure_times);
  const successesWanted = timesOf(options.on_recovery_times);
  const found: Reaction[] = [];
  if (ends[0] === "failure" && options.on_failure) {
    const failures = runOf(ends, "failure");
    if (failures === failuresWanted || (failures > failuresWanted && options.on_failure_exact !== true))
      found.push("failure");
  }
  if (ends[0] === "success") {
    const successes = runOf(ends, "success");
    const recovered = successes === successesWanted && runOf(ends.slice(successes), "failure") >= failuresWanted;
    if (options.on_recovery && recovered) found.push("recovery");
    if (options.on_success) found.push("success");
  }
  return found;
}
