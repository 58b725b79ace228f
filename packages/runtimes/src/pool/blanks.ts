import { availableParallelism } from "node:os";
import type { EngineName } from "./engines.ts";
import type { Slot } from "./slot.ts";

export interface BlanksOptions {
  start(engine: EngineName): Promise<Slot>;
  /** Whether one more process may be kept ready. */
  room(): boolean;
  discard(slot: Slot): void;
  log(line: string): void;
}

/** Runners that have booted and loaded nothing yet, by engine. */
export interface Blanks {
  /** From now on keeps so many of an engine. */
  want(engine: EngineName, count: number): void;
  take(engine: EngineName): Slot | undefined;
  /** Takes one of any engine but this. */
  takeOther(engine: EngineName): Slot | undefined;
  /** The next one that is up, started if need be: who waits comes before the stock. Rejects when it does not start. */
  takeNext(engine: EngineName): Promise<Slot>;
  /** Starts those that are missing. */
  refill(): void;
  /** As `refill`, a little later: starting must not take the processor from an answer that is on its way out. */
  refillSoon(): void;
  ready(): number;
  /** Ready ones and those being started. */
  count(): number;
  /** Starts no more and answers those that are ready. */
  close(): Slot[];
}

interface Waiting {
  /** Starts that failed while it waited. */
  failures: number;
  take(slot: Slot): void;
  fail(error: unknown): void;
}

interface Keeping {
  ready: Slot[];
  starting: number;
  wanted: number;
  waiting: Waiting[];
}

const refillDelayMs = 6;
/** More at a time would only make all of them slower. */
const startsAtATime = availableParallelism();

export function createBlanks(options: BlanksOptions): Blanks {
  const keeping = new Map<EngineName, Keeping>();
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  const sum = (count: (kept: Keeping) => number): number =>
    [...keeping.values()].reduce((total, kept) => total + count(kept), 0);
  const keep = (engine: EngineName): Keeping => {
    const kept = keeping.get(engine) ?? { ready: [], starting: 0, wanted: 0, waiting: [] };
    keeping.set(engine, kept);
    return kept;
  };
  const deliver = (kept: Keeping, slot: Slot): void => {
    const waiting = kept.waiting.shift();
    if (waiting !== undefined) waiting.take(slot);
    else if (closed) options.discard(slot);
    else kept.ready.push(slot);
  };
  const startOne = async (engine: EngineName, kept: Keeping): Promise<void> => {
    kept.starting += 1;
    try {
      deliver(kept, await options.start(engine));
    } catch (error) {
      const waiting = kept.waiting[0];
      if (waiting === undefined) {
        // Not tried again until somebody asks: the reason may last.
        if (!closed) options.log(`A runner of ${engine} did not start: ${String(error)}`);
        return;
      }
      // A process that was killed while it started is no reason to fail a job; one that cannot start fails twice.
      waiting.failures += 1;
      if (waiting.failures > 1) kept.waiting.shift()?.fail(error);
    } finally {
      kept.starting -= 1;
    }
    refill();
  };
  const isMissing = (kept: Keeping): boolean => {
    if (kept.waiting.length > kept.starting) return true;
    return kept.wanted + kept.waiting.length > kept.ready.length + kept.starting && !closed && options.room();
  };
  const refill = (): void => {
    // Those somebody waits for are started however many there are; the stock only as the processor allows.
    for (const [engine, kept] of keeping) {
      while (isMissing(kept) && (kept.waiting.length > kept.starting || sum((each) => each.starting) < startsAtATime)) {
        void startOne(engine, kept);
      }
    }
  };
  return {
    want: (engine, count) => void (keep(engine).wanted = count),
    take: (engine) => keeping.get(engine)?.ready.shift(),
    takeOther(engine) {
      for (const [name, kept] of keeping) {
        const slot = name === engine ? undefined : kept.ready.pop();
        if (slot !== undefined) return slot;
      }
      return undefined;
    },
    takeNext: (engine) =>
      new Promise((take, fail) => {
        keep(engine).waiting.push({ failures: 0, take, fail });
        refill();
      }),
    refill,
    refillSoon() {
      if (![...keeping.values()].some(isMissing)) return;
      timer ??= setTimeout(() => {
        timer = undefined;
        refill();
      }, refillDelayMs);
    },
    ready: () => sum((kept) => kept.ready.length),
    count: () => sum((kept) => kept.ready.length + kept.starting),
    close() {
      closed = true;
      clearTimeout(timer);
      return [...keeping.values()].flatMap((kept) => kept.ready.splice(0));
    },
  };
}
