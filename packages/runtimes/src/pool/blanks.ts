import type { EngineName } from "./engines.ts";
import type { Slot } from "./slot.ts";

export interface BlanksOptions {
  start(engine: EngineName): Promise<Slot>;
  /** Whether one more process may be started. */
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

interface Keeping {
  ready: Slot[];
  starting: number;
  wanted: number;
}

const refillDelayMs = 2;

export function createBlanks(options: BlanksOptions): Blanks {
  const keeping = new Map<EngineName, Keeping>();
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  const startOne = (engine: EngineName, kept: Keeping): void => {
    kept.starting += 1;
    options
      .start(engine)
      .then((slot) => (closed ? options.discard(slot) : void kept.ready.push(slot)))
      .catch((error: unknown) => closed || options.log(`A runner of ${engine} did not start: ${String(error)}`))
      .finally(() => (kept.starting -= 1));
  };
  const refill = (): void => {
    if (closed) return;
    for (const [engine, kept] of keeping) {
      while (kept.ready.length + kept.starting < kept.wanted && options.room()) startOne(engine, kept);
    }
  };
  const sum = (count: (kept: Keeping) => number): number =>
    [...keeping.values()].reduce((total, kept) => total + count(kept), 0);
  return {
    want(engine, count) {
      const kept = keeping.get(engine);
      if (kept === undefined) keeping.set(engine, { ready: [], starting: 0, wanted: count });
      else kept.wanted = count;
    },
    take: (engine) => keeping.get(engine)?.ready.shift(),
    takeOther(engine) {
      for (const [name, kept] of keeping) {
        const slot = name === engine ? undefined : kept.ready.pop();
        if (slot !== undefined) return slot;
      }
      return undefined;
    },
    refill,
    refillSoon() {
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
