/** Shares of slot time in use over windows of seconds; a window counts once it has passed. */
const windows = { "15s": 15, "5m": 300, "30m": 1800 } as const;

interface Sample {
  atMs: number;
  busyMs: number;
}

/** Measures how much of a worker's slots was in use. Times are milliseconds of a monotonic clock. */
export function createOccupancy(
  slots: number,
  startMs: number,
): {
  begin(atMs: number): void;
  end(atMs: number): void;
  /** `{now: share since start, "15s", "5m", "30m"}`, windows only once they have passed. */
  read(atMs: number): Record<string, number>;
} {
  let running = 0;
  let busyMs = 0;
  let lastMs = startMs;
  let samples: Sample[] = [{ atMs: startMs, busyMs: 0 }];
  const advance = (atMs: number): void => {
    busyMs += running * (atMs - lastMs);
    lastMs = atMs;
  };
  const share = (from: Sample, atMs: number): number =>
    atMs > from.atMs ? (busyMs - from.busyMs) / ((atMs - from.atMs) * slots) : 0;
  return {
    begin(atMs) {
      advance(atMs);
      running += 1;
    },
    end(atMs) {
      advance(atMs);
      running -= 1;
    },
    read(atMs) {
      advance(atMs);
      samples.push({ atMs, busyMs });
      samples = samples.filter((sample) => sample.atMs >= atMs - windows["30m"] * 1000 - 10_000);
      const shares: Record<string, number> = { now: share({ atMs: startMs, busyMs: 0 }, atMs) };
      for (const [name, seconds] of Object.entries(windows)) {
        const from = samples.findLast((sample) => sample.atMs <= atMs - seconds * 1000);
        if (from) shares[name] = share(from, atMs);
      }
      return shares;
    },
  };
}
