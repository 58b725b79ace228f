import type { Prepared, RunnerKind } from "../runtime.ts";
import type { EngineName } from "./engines.ts";
import type { Slot } from "./slot.ts";

export interface PoolOptions {
  start(engine: EngineName, memoryLimitMb: number): Promise<Slot>;
  /** Blank runners kept ready for an engine that is in use. */
  blanks: Partial<Record<EngineName, number>>;
  memoryLimitMb: number;
  /** Most processes, busy ones included; idle ones make room. */
  maxRunners: number;
  maxJobs: number;
  idleMs: number;
  maxAgeMs: number;
  log(line: string): void;
}

export interface Claim {
  engine: EngineName;
  /** Isolation domain, language and code; processes are reused only where it is equal. */
  domain: string;
  prepared: Prepared;
  fresh: boolean;
  memoryLimitMb: number;
}

export interface Pool {
  take(claim: Claim): Promise<{ slot: Slot; kind: RunnerKind }>;
  /** Gives a slot back after its job; it is kept for `claim`'s domain or thrown away. */
  giveBack(slot: Slot, claim: Claim): void;
  /** Starts the blank runners that are missing. */
  refill(): void;
  stats(): { blank: number; idle: number; busy: number; started: number };
  stop(): Promise<void>;
}

interface Keeping {
  blank: Slot[];
  starting: number;
  wanted: number;
}

/** Runners by state: blank, idle in one domain, busy. See `IsolationDomain` for the rule of reuse. */
export function createPool(options: PoolOptions): Pool {
  const idle = new Map<string, Slot[]>();
  const busy = new Set<Slot>();
  const ending = new Set<Promise<void>>();
  const keeping = new Map<EngineName, Keeping>();
  const born = new WeakMap<Slot, number>();
  let started = 0;
  /** Runners being started for a job that waits for them. */
  let cold = 0;
  let stopped = false;
  const startingNow = new Set<Promise<unknown>>();

  const keep = (engine: EngineName): Keeping => {
    let found = keeping.get(engine);
    if (found === undefined) keeping.set(engine, (found = { blank: [], starting: 0, wanted: 0 }));
    return found;
  };

  const start = async (engine: EngineName): Promise<Slot> => {
    started += 1;
    const starting = options.start(engine, options.memoryLimitMb);
    startingNow.add(starting);
    try {
      const slot = await starting;
      born.set(slot, Date.now());
      if (stopped) {
        await slot.discard();
        throw new Error("The executor is stopped.");
      }
      return slot;
    } finally {
      startingNow.delete(starting);
    }
  };

  const startCold = async (engine: EngineName): Promise<Slot> => {
    cold += 1;
    try {
      return await start(engine);
    } finally {
      cold -= 1;
    }
  };

  const discard = (slot: Slot): void => {
    const end = slot.discard().finally(() => ending.delete(end));
    ending.add(end);
  };

  const count = (): number => {
    let total = busy.size + cold;
    for (const slots of idle.values()) total += slots.length;
    for (const { blank, starting } of keeping.values()) total += blank.length + starting;
    return total;
  };

  /** Ends the runner that has been idle longest, else a blank of another engine. */
  const makeRoom = (engine: EngineName): void => {
    if (count() < options.maxRunners) return;
    let oldest: { domain: string; slot: Slot } | undefined;
    for (const [domain, [slot]] of idle) {
      if (slot !== undefined && (oldest === undefined || slot.idleSince < oldest.slot.idleSince)) oldest = { domain, slot };
    }
    if (oldest !== undefined) {
      removeIdle(oldest.domain, oldest.slot);
      return discard(oldest.slot);
    }
    for (const [name, { blank }] of keeping) {
      const slot = name === engine ? undefined : blank.pop();
      if (slot !== undefined) return discard(slot);
    }
  };

  const removeIdle = (domain: string, slot: Slot): void => {
    const left = (idle.get(domain) ?? []).filter((other) => other !== slot);
    if (left.length === 0) idle.delete(domain);
    else idle.set(domain, left);
  };

  const takeIdle = (domain: string): Slot | undefined => {
    const slots = idle.get(domain);
    for (let slot = slots?.pop(); slot !== undefined; slot = slots?.pop()) {
      if (slots?.length === 0) idle.delete(domain);
      if (slot.runner.usable()) return slot;
      discard(slot);
    }
    return undefined;
  };

  const takeBlank = (engine: EngineName): Slot | undefined => {
    const { blank } = keep(engine);
    for (let slot = blank.shift(); slot !== undefined; slot = blank.shift()) {
      if (slot.runner.usable()) return slot;
      discard(slot);
    }
    return undefined;
  };

  const refill = (): void => {
    if (stopped) return;
    for (const [engine, kept] of keeping) {
      while (kept.blank.length + kept.starting < kept.wanted && count() < options.maxRunners) {
        kept.starting += 1;
        void start(engine)
          .then((slot) => void kept.blank.push(slot))
          .catch((error: unknown) => stopped || options.log(`A runner of ${engine} did not start: ${String(error)}`))
          .finally(() => (kept.starting -= 1));
      }
    }
  };

  let refillTimer: NodeJS.Timeout | undefined;
  /** A little later, so that starting processes does not take the processor from the answer that is on its way out. */
  const refillSoon = (): void => {
    refillTimer ??= setTimeout(() => {
      refillTimer = undefined;
      refill();
    }, 2);
  };

  const tidy = setInterval(() => {
    const now = Date.now();
    for (const [domain, slots] of idle) {
      for (const slot of [...slots]) {
        const old = now - (born.get(slot) ?? now) > options.maxAgeMs;
        if (now - slot.idleSince <= options.idleMs && !old && slot.runner.usable()) continue;
        removeIdle(domain, slot);
        discard(slot);
      }
    }
  }, Math.min(5000, options.idleMs));
  tidy.unref();

  return {
    async take(claim) {
      const reused = claim.fresh ? undefined : takeIdle(claim.domain);
      if (reused !== undefined) {
        busy.add(reused);
        return { slot: reused, kind: "reused" };
      }
      keep(claim.engine).wanted = options.blanks[claim.engine] ?? 1;
      const ready = takeBlank(claim.engine);
      if (ready === undefined) makeRoom(claim.engine);
      const slot = ready ?? (await startCold(claim.engine));
      busy.add(slot);
      try {
        slot.assign(claim.prepared);
      } catch (error) {
        busy.delete(slot);
        discard(slot);
        throw error;
      }
      return { slot, kind: ready === undefined ? "cold" : "fresh" };
    },
    giveBack(slot, claim) {
      busy.delete(slot);
      slot.idleSince = Date.now();
      const keepIt = !stopped && !claim.fresh && slot.runner.usable() && slot.jobs < options.maxJobs;
      if (keepIt) {
        const slots = idle.get(claim.domain);
        if (slots === undefined) idle.set(claim.domain, [slot]);
        else slots.push(slot);
      } else discard(slot);
      const kept = keep(claim.engine);
      if (kept.blank.length + kept.starting < kept.wanted) refillSoon();
    },
    refill() {
      for (const [engine, wanted] of Object.entries(options.blanks)) keep(engine as EngineName).wanted = wanted;
      refill();
    },
    stats() {
      const blank = [...keeping.values()].reduce((sum, kept) => sum + kept.blank.length, 0);
      const idling = [...idle.values()].reduce((sum, slots) => sum + slots.length, 0);
      return { blank, idle: idling, busy: busy.size, started };
    },
    async stop() {
      stopped = true;
      clearInterval(tidy);
      clearTimeout(refillTimer);
      await Promise.allSettled(startingNow);
      const all = [...busy, ...[...idle.values()].flat(), ...[...keeping.values()].flatMap((kept) => kept.blank)];
      idle.clear();
      keeping.clear();
      await Promise.allSettled([...all.map((slot) => slot.discard()), ...ending]);
    },
  };
}
