import { setTimeout as sleep } from "node:timers/promises";
import {
  completeAndClaim,
  completeJobs,
  createBatches,
  releaseNext,
  type Completion,
  type Dispatcher,
  type Ended,
} from "@towermill/queue";
import { isDataError, type Database, type Log } from "@towermill/store";
import type { Slots } from "./slots.ts";

/** Writes completions; those that arrive while a write is under way are written together by the next. */
export interface Completer {
  /** Resolves when it is durable. `null`: another attempt of the job came first, this one counts for nothing. */
  complete(completion: WorkerCompletion): Promise<Ended | null>;
}

export interface WorkerCompletion extends Completion {
  /** Its slot is free for another job when it is written. */
  freesSlot: boolean;
}

export interface CompleterOptions {
  db: Database;
  dispatcher: Dispatcher;
  log: Log;
  slots: Pick<Slots, "ask">;
}

/**
 * A finished result is kept until it is written: while the database is away the slot stays taken, which bounds the
 * memory, and the write is tried again. Writing twice is harmless, the second finds no queue row.
 */
export function createCompleter({ db, dispatcher, log, slots }: CompleterOptions): Completer {
  // While more waits than there are slots, the next jobs are claimed in the same commit.
  const writeOnce = async (completions: readonly WorkerCompletion[]): Promise<Ended[]> => {
    const asking = slots.ask(completions.filter(({ freesSlot }) => freesSlot).length);
    if (asking === null) return completeJobs(db, completions);
    try {
      const { ended, claimed } = await completeAndClaim(db, completions, asking.request);
      asking.settle(claimed, claimed.length < asking.request.count);
      return ended;
    } catch (error) {
      asking.settle([], true);
      throw error;
    }
  };
  const written = async (completions: readonly WorkerCompletion[]): Promise<Ended[]> => {
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
    complete: createBatches<WorkerCompletion, Ended | null>({
      bytesOf: ({ result }) => result.length,
      isOwnFault: isDataError,
      async write(completions) {
        const ended = await written(completions);
        dispatcher.ended(ended);
        release(ended).catch((error: unknown) =>
          log.warn({ err: error }, "a concurrency slot was freed but nobody was woken"),
        );
        const byId = new Map(ended.map((job) => [job.id, job]));
        return completions.map(({ id }) => byId.get(id) ?? null);
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
