import { setTimeout as sleep } from "node:timers/promises";
import type { Prepared, RunnerKind } from "../runtime.ts";
import { createBlanks } from "./blanks.ts";
import type { EngineName } from "./engines.ts";
import { createShelf } from "./shelf.ts";
import type { Slot } from "./slot.ts";

export interface PoolOptions {
  start(engine: EngineName, memoryLimitMb: number): Promise<Slot>;
  /** Blank runners kept ready for an engine. */
  blanks: Partial<Record<EngineName, number>>;
  memoryLimitMb: number;
  /** Most processes, busy ones included; idle ones make room. */
  maxRunners: number;
  /** Jobs after which a process is replaced. */
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
}

export interface Pool {
  take(claim: Claim): Promise<{ slot: Slot; kind: RunnerKind }>;
  /** Gives a slot back after its job; it is kept for the claim's domain or thrown away. */
  giveBack(slot: Slot, claim: Claim): void;
  /** Starts the blank runners that should stand ready. */
  warmUp(): void;
  stats(): { blank: number; idle: number; busy: number; started: number };
  stop(): Promise<void>;
}

const discardDelayMs = 4;

/** Runners by state: blank, busy, idle in one domain. See `IsolationDomain` for the rule of reuse. */
export function createPool(options: PoolOptions): Pool {
  const shelf = createShelf();
  const busy = new Set<Slot>();
  const processes = trackProcesses(options);
  const { discard, discardSoon } = processes;
  const count = (): number => busy.size + shelf.count() + blanks.count();
  const blanks = createBlanks({
    start: (engine) => processes.start(engine),
    room: () => count() < options.maxRunners,
    discard,
    log: options.log,
  });
  const unfit = (slot: Slot): boolean =>
    Date.now() - slot.idleSince > options.idleMs ||
    Date.now() - slot.bornAt > options.maxAgeMs ||
    !slot.runner.usable();
  const tidy = setInterval(() => shelf.takeWhere(unfit).forEach(discard), Math.min(5000, options.idleMs));
  tidy.unref();

  /** The first that `next` has to offer and that is still alive. */
  const firstUsable = (next: () => Slot | undefined): Slot | undefined => {
    for (let slot = next(); slot !== undefined; slot = next()) {
      if (slot.runner.usable()) return slot;
      discard(slot);
    }
    return undefined;
  };
  const startCold = (engine: EngineName): Promise<Slot> => {
    const surplus = count() < options.maxRunners ? undefined : (shelf.takeOldest() ?? blanks.takeOther(engine));
    if (surplus !== undefined) discard(surplus);
    return blanks.takeNext(engine);
  };
  const assign = (slot: Slot, prepared: Prepared): void => {
    try {
      slot.assign(prepared);
      busy.add(slot);
    } catch (error) {
      discard(slot);
      throw error;
    }
  };

  return {
    async take({ engine, domain, prepared, fresh }) {
      const reused = fresh ? undefined : firstUsable(() => shelf.take(domain));
      if (reused !== undefined) {
        assign(reused, prepared);
        return { slot: reused, kind: "reused" };
      }
      blanks.want(engine, options.blanks[engine] ?? 1);
      const ready = firstUsable(() => blanks.take(engine));
      const slot = ready ?? (await startCold(engine));
      assign(slot, prepared);
      return { slot, kind: ready === undefined ? "cold" : "fresh" };
    },
    giveBack(slot, claim) {
      busy.delete(slot);
      slot.idleSince = Date.now();
      const kept = !processes.stopped && !claim.fresh && slot.runner.usable() && slot.jobs < options.maxJobs;
      if (kept) shelf.put(claim.domain, slot);
      else discardSoon(slot);
      blanks.refillSoon();
    },
    warmUp() {
      for (const [engine, wanted] of Object.entries(options.blanks)) blanks.want(engine as EngineName, wanted);
      blanks.refill();
    },
    stats: () => ({ blank: blanks.ready(), idle: shelf.count(), busy: busy.size, started: processes.started }),
    async stop() {
      clearInterval(tidy);
      for (const slot of [...blanks.close(), ...shelf.takeWhere(() => true), ...busy]) discard(slot);
      await processes.stop();
    },
  };
}

interface Processes {
  readonly started: number;
  readonly stopped: boolean;
  start(engine: EngineName): Promise<Slot>;
  discard(slot: Slot): void;
  /** A little later: ending a process must not take the processor from the answer of its job. */
  discardSoon(slot: Slot): void;
  /** Resolves when everything started has ended. */
  stop(): Promise<void>;
}

/** Every start and every end, so that stopping can wait for all of them. */
function trackProcesses(options: Pick<PoolOptions, "start" | "memoryLimitMb">): Processes {
  const starting = new Set<Promise<Slot>>();
  const ending = new Set<Promise<void>>();
  const state = { started: 0, stopped: false };
  const follow = (end: Promise<void>): void => {
    const ended = end.finally(() => ending.delete(ended));
    ending.add(ended);
  };
  const discard = (slot: Slot): void => follow(slot.discard());
  const discardSoon = (slot: Slot): void => follow(sleep(discardDelayMs).then(() => slot.discard()));
  const start = async (engine: EngineName): Promise<Slot> => {
    state.started += 1;
    const boot = options.start(engine, options.memoryLimitMb);
    starting.add(boot);
    try {
      const slot = await boot;
      if (!state.stopped) return slot;
      discard(slot);
      throw new Error("The executor is stopped.");
    } finally {
      starting.delete(boot);
    }
  };
  return {
    get started() {
      return state.started;
    },
    get stopped() {
      return state.stopped;
    },
    start,
    discard,
    discardSoon,
    stop: async () => {
      state.stopped = true;
      await Promise.allSettled(starting);
      // Those that were just starting are discarded a turn later.
      await new Promise((resolve) => setImmediate(resolve));
      await Promise.allSettled(ending);
    },
  };
}
