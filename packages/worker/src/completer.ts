import { setTimeout as sleep } from "node:timers/promises";
import {
  completeAndClaim,
  completeJobs,
  createBatches,
  releaseNext,
  type ClaimedJob,
  type Completion,
  type Dispatcher,
  type Ended,
} from "@towermill/queue";
import type { Driven } from "@towermill/flow-driver";
import { isDataError, type Database, type Log } from "@towermill/store";
import type { Slots } from "./slots.ts";

/** Writes completions; those that arrive while a write is under way are written together by the next. */
export interface Completer {
  /** Resolves when it is durable, with what was claimed for the slot in the same commit while more waits than can run. */
  complete(completion: WorkerCompletion): Promise<Driven>;
}

export interface WorkerCompletion extends Completion {
  /** Its end makes room for another job. */
  freesSlot: boolean;
}

interface Written {
  ended: Ended[];
  claimed: ClaimedJob[];
}

export interface CompleterOptions {
  db: Database;
  dispatcher: Dispatcher;
  log: Log;
  slots: Pick<Slots, "wantsNext" | "gotNext">;
}

/**
 * A finished result is kept until it is written: while the database is away the slot stays taken, which bounds the
 * memory, and the write is tried again. Writing twice is harmless, the second finds no queue row.
 */
export function createCompleter({ db, dispatcher, log, slots }: CompleterOptions): Completer {
  const writeOnce = async (completions: readonly WorkerCompletion[]): Promise<Written> => {
    const request = slots.wantsNext(completions.filter(({ freesSlot }) => freesSlot).length);
    if (request === null) return { ended: await completeJobs(db, completions), claimed: [] };
    const written = await completeAndClaim(db, completions, request);
    slots.gotNext(written.claimed.length, request.count);
    return written;
  };
  const written = async (completions: readonly WorkerCompletion[]): Promise<Written> => {
    for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 2000)) {
      try {
        return await writeOnce(completions);
      } catch (error) {
        if (isDataError(error)) {
          const [only, ...others] = completions;
          if (!only || others.length > 0) throw error;
          return writeOnce([unstorable(only, error)]);
        }
        log.warn({ err: error, jobs: completions.length }, "results could not be written, trying again");
        await sleep(pauseMs);
      }
    }
  };
  const release = async (ended: readonly Ended[]): Promise<void> => {
    const keys = ended.flatMap((job) => job.concurrencyKey ?? []);
    for (const key of new Set(keys)) {
      dispatcher.wake(await releaseNext(db, key, keys.filter((other) => other === key).length));
    }
  };

  return {
    complete: createBatches<WorkerCompletion, Driven>({
      bytesOf: ({ result }) => result.length,
      isOwnFault: isDataError,
      async write(completions) {
        const { ended, claimed } = await written(completions);
        dispatcher.ended(ended);
        release(ended).catch((error: unknown) =>
          log.warn({ err: error }, "a concurrency slot was freed but nobody was woken"),
        );
        const byId = new Map(ended.map((job) => [job.id, job]));
        return completions.map(({ id, freesSlot }) => ({
          ended: byId.get(id) ?? null,
          next: freesSlot ? (claimed.shift() ?? null) : null,
        }));
      },
    }),
  };
}

/** A job always ends: when PostgreSQL refuses the result, the refusal is the result. */
function unstorable(completion: WorkerCompletion, error: unknown): WorkerCompletion {
  const message = `The result cannot be stored: ${error instanceof Error ? error.message : String(error)}`;
  return {
    ...completion,
    status: "failure",
    result: JSON.stringify({ error: { name: "ResultNotStorable", message } }),
    lastLog: null,
  };
}
