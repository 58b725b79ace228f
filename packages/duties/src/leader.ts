import { acquireLease, releaseLease, type Lease } from "@towermill/store";
import type { Duty, DutyContext } from "./duty.ts";

/** How long a leader that says nothing stays leader, and how often it says something. */
const ttlMs = 15_000;
const renewEveryMs = 4000;

export interface DutiesOptions extends DutyContext {
  duties: readonly Duty[];
  /** Names this process among the servers. */
  holder: string;
}

export interface RunningDuties {
  /** Lets a run that is under way end, and hands the lead over. */
  stop(): Promise<void>;
}

/**
 * Runs the duties while this process holds the lead; any number of processes may try. Losing the lead between two
 * statements is harmless: every duty's statements are safe to run twice.
 */
export function startDuties(options: DutiesOptions): RunningDuties {
  const { db, log, duties, holder } = options;
  const dueAt = new Map<string, number>();
  let lease: Lease | undefined;
  let renewedAt = 0;
  let stopping = false;
  let working: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  const lead = async (): Promise<boolean> => {
    const nowMs = performance.now();
    if (lease && nowMs - renewedAt < renewEveryMs) return true;
    lease = await acquireLease(db, { name: "duties", holder, ttlMs });
    renewedAt = nowMs;
    return lease !== undefined;
  };
  const runDue = async (): Promise<void> => {
    for (const duty of duties) {
      const nowMs = performance.now();
      if (stopping || nowMs < (dueAt.get(duty.name) ?? 0)) continue;
      dueAt.set(duty.name, nowMs + duty.everyMs);
      await duty
        .run(options)
        .catch((error: unknown) => log.warn({ err: error, duty: duty.name }, "a duty failed, it runs again"));
      if (!(await lead())) return;
    }
  };
  const round = (): void => {
    working = (async () => {
      if (await lead()) await runDue();
    })()
      .catch((error: unknown) => log.warn({ err: error }, "duties wait for the database"))
      .finally(() => {
        if (!stopping) timer = setTimeout(round, 1000);
      });
  };
  round();

  return {
    async stop() {
      stopping = true;
      clearTimeout(timer);
      await working;
      if (lease) await releaseLease(db, lease).catch(() => undefined);
    },
  };
}
