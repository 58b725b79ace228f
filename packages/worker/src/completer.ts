import { setTimeout as sleep } from "node:timers/promises";
import { completeJobs, releaseNext, type Completion, type Dispatcher, type Ended } from "@towermill/queue";
import type { Database, Log } from "@towermill/store";

/** Writes completions; those that arrive while a write is under way are written together by the next. */
export interface Completer {
  /** Resolves when it is durable. `null`: another attempt of the job came first, this one counts for nothing. */
  complete(completion: Completion): Promise<Ended | null>;
}

interface Pending {
  completion: Completion;
  done(ended: Ended | null): void;
}

const largestBatch = 100;
/** Results of one batch together; a larger one goes alone. */
const largestBatchBytes = 4_000_000;

function takeBatch(pending: Pending[]): Pending[] {
  let bytes = 0;
  let count = 0;
  while (count < Math.min(pending.length, largestBatch)) {
    bytes += pending[count]?.completion.result.length ?? 0;
    if (count > 0 && bytes > largestBatchBytes) break;
    count += 1;
  }
  return pending.splice(0, count);
}

/**
 * A finished result is kept until it is written: while the database is away the slot stays taken, which bounds the
 * memory, and the write is tried again. Writing twice is harmless, the second finds no queue row.
 */
export function createCompleter({
  db,
  dispatcher,
  log,
}: {
  db: Database;
  dispatcher: Dispatcher;
  log: Log;
}): Completer {
  const pending: Pending[] = [];
  let writing = false;

  async function write(batch: Pending[]): Promise<Ended[]> {
    for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 2000)) {
      try {
        return await completeJobs(
          db,
          batch.map((entry) => entry.completion),
        );
      } catch (error) {
        if (batch.length === 1 && isDataError(error))
          return completeJobs(
            db,
            batch.map((entry) => unstorable(entry.completion, error)),
          );
        if (isDataError(error)) return (await Promise.all(batch.map((entry) => write([entry])))).flat();
        log.warn({ err: error, jobs: batch.length }, "results could not be written, trying again");
        await sleep(pauseMs);
      }
    }
  }

  async function release(ended: readonly Ended[]): Promise<void> {
    const keys = ended.flatMap((job) => job.concurrencyKey ?? []);
    for (const key of new Set(keys)) {
      dispatcher.wake(await releaseNext(db, key, keys.filter((other) => other === key).length));
    }
  }

  async function drain(): Promise<void> {
    if (writing) return;
    writing = true;
    while (pending.length > 0) {
      const batch = takeBatch(pending);
      const ended = await write(batch);
      const byId = new Map(ended.map((job) => [job.id, job]));
      dispatcher.ended(ended);
      for (const entry of batch) entry.done(byId.get(entry.completion.id) ?? null);
      release(ended).catch((error: unknown) =>
        log.warn({ err: error }, "a concurrency slot was freed but nobody was woken"),
      );
    }
    writing = false;
  }

  return {
    complete: (completion) =>
      new Promise((done) => {
        pending.push({ completion, done });
        void drain();
      }),
  };
}

/** SQLSTATE classes 22 (data), 54 (limits): the value itself is refused, trying again cannot help. */
function isDataError(error: unknown): boolean {
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  return /^(22|54)/.test(code);
}

/** A job always ends: when PostgreSQL refuses the result, the refusal is the result. */
function unstorable(completion: Completion, error: unknown): Completion {
  const message = `The result cannot be stored: ${error instanceof Error ? error.message : String(error)}`;
  return {
    ...completion,
    status: "failure",
    result: JSON.stringify({ error: { name: "ResultNotStorable", message } }),
    lastLog: null,
  };
}
