import { createUnattended, type Flows, type RunnableFlow } from "@towermill/runnable";
import { sql } from "@towermill/store";
import type { Consequences, TickerContext } from "./context.ts";
import { fireNext } from "./fire.ts";
import { settleNext } from "./settle.ts";

export type TickerOptions<Flow extends RunnableFlow = RunnableFlow> = Omit<TickerContext, "unattended" | "answers"> & {
  /** How flows become jobs; without it schedules of flows stop with the error that there is none. */
  flows?: Flows<Flow>;
  /** How many schedules are handled at a time; each takes a connection for some milliseconds. */
  lanes?: number;
};

export interface RunningTicker {
  /** Lets what is under way end. What is due then is left to other tickers, or to the next start. */
  stop(): Promise<void>;
}

/** Longest sleep: the net behind the notifications of edited schedules. */
const longestSleepMs = 15_000;
/** How often ends of runs are looked for without being told, while there are any under way. */
const openSleepMs = 2000;
const heldSleepMs = 50;
const mostWatched = 20_000;

/** Tells what a transaction did, once it is committed. */
async function tell(ctx: TickerContext, { pushed, ended, stopping }: Consequences): Promise<void> {
  const { bus, dispatcher, flowDriver } = ctx;
  dispatcher.wake(pushed.map((job) => job.tag));
  bus.publish("cancel", stopping);
  await dispatcher.announce(ended);
  await flowDriver?.endedElsewhere(ended);
}

/** How long nothing is due, by the database's clock. */
async function sleepTime({ db }: TickerContext): Promise<number> {
  const { wait, open } = await db.one<{ wait: number | null; open: boolean }>(sql`
    select (extract(epoch from (
        select greatest(nearest, now() - interval '1 hour')
        from (select min(wake_at) as nearest from schedule where enabled and wake_at < 'infinity') s
        where nearest is not null) - clock_timestamp()) * 1000)::float8 as wait,
      exists (select from schedule_tick where state in ('asking', 'open')) as open`);
  // due, and nothing could be taken: another ticker holds it
  if (wait !== null && wait <= 0) return heldSleepMs;
  return Math.min(Math.ceil(wait ?? longestSleepMs), open ? openSleepMs : longestSleepMs);
}

/**
 * Starts jobs when schedules are due. Any number of processes may tick over one database: each schedule is handled under
 * a lock of its row, and each moment is written under a unique key, so it runs once. A ticker sleeps until the nearest
 * moment and is woken by `changed` (`schedule:…`) when one is edited; the clock is the database's alone.
 */
export function startTicker<Flow extends RunnableFlow>(options: TickerOptions<Flow>): RunningTicker {
  const { db, bus, log, flows, lanes = 4 } = options;
  const ctx: TickerContext = { ...options, unattended: createUnattended({ db, bus, flows }), answers: new Map() };
  const watched = new Set<string>();
  let stopping = false;
  let again = false;
  let working: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let failures = 0;

  const watch = (ids: readonly string[]): void => {
    if (watched.size > mostWatched) watched.clear();
    for (const id of ids) watched.add(id);
  };
  const drain = async (next: () => Promise<Consequences | null>): Promise<void> => {
    while (!stopping) {
      const consequences = await next();
      if (!consequences) return;
      watch(consequences.pushed.map((job) => job.id));
      await tell(ctx, consequences);
    }
  };
  const lane = async (): Promise<void> => {
    await drain(() => fireNext(ctx));
    await drain(() => settleNext(ctx));
  };
  const round = async (): Promise<void> => {
    const outcomes = await Promise.allSettled(Array.from({ length: lanes }, lane));
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed) throw failed.reason;
  };
  const sleep = async (): Promise<number> => {
    try {
      await round();
      const ms = again ? 0 : await sleepTime(ctx);
      failures = 0;
      return ms;
    } catch (error) {
      failures += 1;
      log.warn({ err: error }, "schedules wait for the database");
      return Math.min(250 * 2 ** failures, 5000);
    }
  };
  const look = (): void => {
    if (stopping) return;
    again = working !== null;
    if (again) return;
    clearTimeout(timer);
    working = sleep().then((ms) => {
      working = null;
      if (!stopping) timer = setTimeout(look, again ? 0 : ms);
      again = false;
    });
  };
  const unsubscribe = [
    bus.subscribe("changed", (ids) => ids.some((id) => id.startsWith("schedule:")) && look()),
    bus.subscribe("done", (ids) => ids.filter((id) => watched.delete(id)).length > 0 && look()),
    bus.onResync(look),
  ];
  look();
  return {
    async stop() {
      stopping = true;
      clearTimeout(timer);
      for (const end of unsubscribe) end();
      await working;
    },
  };
}
