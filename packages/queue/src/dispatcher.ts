import { isDataError, isUniqueViolation, named, sql, type Bus, type Database, type Queryable } from "@towermill/store";
import type { Ended } from "./complete.ts";
import { pushDebounced } from "./debounce.ts";
import type { ClaimedJob, Debounce, JobStatus, NewJob } from "./job.ts";
import { createBatches } from "./batch.ts";
import { claimedFrom, idIsUsed, pushJob, pushJobs, type ClaimAtPush, type Push } from "./push.ts";
import { hashToken, randomToken } from "./token.ts";

/** A slot of a worker in this process, held for one job. */
export interface Reservation {
  worker: string;
  /**
   * Runs the job once it `isWritten`; until then it is only made ready, which costs no time that way. With `false` it was
   * not pushed after all, and the slot is free again.
   */
  start(job: ClaimedJob, isWritten: Promise<boolean>): void;
  /** The job was not pushed after all. */
  release(): void;
}

/** A worker in the same process: a pushed job can be claimed for it in the push itself. */
export interface LocalWorker {
  /** A free slot that serves the job's tag, or `null`. A job that runs nothing needs no slot. */
  reserve(job: Pick<NewJob, "tag" | "kind">): Reservation | null;
}

export interface Outcome {
  id: string;
  status: JobStatus;
  /** JSON text. */
  result: string;
}

/** Sends jobs on their way and tells who waits that they ended. One per process. */
export interface Dispatcher {
  attach(worker: LocalWorker): void;
  /** Pushes one job that is complete in itself; claims it at once for a local slot when one is free. */
  push(job: NewJob): Promise<void>;
  /** Pushes in the caller's transaction; call `wake` after its commit. */
  pushIn(tx: Queryable, job: NewJob): Promise<void>;
  wake(tags: readonly string[]): void;
  /** A free slot of a worker in this process that serves the job's tag, or `null`. */
  reserve(job: Pick<NewJob, "tag" | "kind">): Reservation | null;
  /** Tells everybody, here and in other processes, that these jobs ended. */
  ended(outcomes: readonly Ended[]): void;
  /** The same for jobs that ended elsewhere than in `completeJobs`: their outcome is read back for whoever waits here. */
  announce(ids: readonly string[]): Promise<void>;
  /**
   * Resolves when the job ended; `null` when the time is over or the caller gave up. With `early` a flow that answers
   * before its end (`early_return`) counts as ended.
   */
  waitFor(id: string, options: { timeoutMs: number; signal?: AbortSignal; early?: boolean }): Promise<Outcome | null>;
  /** Lets those who wait for a job that never came to be go, with `null`. */
  forget(id: string): void;
}

interface Waiter {
  early: boolean;
  end(outcome: Outcome | null): void;
}

const isTrue = (): boolean => true;
const isFalse = (): boolean => false;

/** A job and its claim for a slot of this process, as they are being written. */
function claimedNow(job: NewJob, worker: string): { job: ClaimedJob; claim: ClaimAtPush } {
  const secret = randomToken();
  const at = new Date();
  return { job: claimedFrom(job, { scheduledFor: at, secret }), claim: { worker, tokenHash: hashToken(secret), at } };
}

/** Waiting jobs are looked up again this often, in case a notification was lost. */
const safetyNetMs = 30_000;

export function createDispatcher({ db, bus }: { db: Database; bus: Bus }): Dispatcher {
  const workers: LocalWorker[] = [];
  const waiters = new Map<string, Set<Waiter>>();

  const settle = (outcome: Outcome, isEarly = false): void => {
    for (const waiter of waiters.get(outcome.id) ?? []) if (waiter.early || !isEarly) waiter.end(outcome);
  };
  const lookUp = async (ids: string[]): Promise<void> => {
    if (ids.length === 0) return;
    const rows = await db.query<{ id: string; status: JobStatus; result: string | null; early: boolean }>(
      named(
        "look_up_ended",
        sql`select id, case when (early_result ->> 'success')::boolean then 'success' else 'failure' end as status,
            early_result -> 'result' as result, true as early
          from job_flow where id = any(${ids}::uuid[]) and early_result is not null
          union all select id, status, result, false from job_done where id = any(${ids}::uuid[])
          order by early desc`,
      ),
    );
    for (const { id, status, result, early } of rows) settle({ id, status, result: result ?? "null" }, early);
  };
  const lookUpQuietly = (ids: string[]): void => {
    lookUp(ids).catch(() => undefined); // the database is away: the net or the resync asks again
  };
  setInterval(() => lookUpQuietly([...waiters.keys()]), safetyNetMs).unref();
  bus.subscribe("done", (ids) => lookUpQuietly(ids.filter((id) => waiters.has(id))));
  bus.onResync(() => lookUpQuietly([...waiters.keys()]));

  const reserve = (job: Pick<NewJob, "tag" | "kind">): Reservation | null => {
    for (const worker of workers) {
      const reservation = worker.reserve(job);
      if (reservation) return reservation;
    }
    return null;
  };

  const write = createBatches<Push, null>({
    bytesOf: ({ job }) => (job.args?.length ?? 0) + (job.rawCode?.length ?? 0) + (job.rawFlow?.length ?? 0),
    isOwnFault: (error) => isUniqueViolation(error) || isDataError(error),
    async write(pushes) {
      await pushJobs(db, pushes);
      return pushes.map(() => null);
    },
  });
  const pushLater = async (job: NewJob, debounce: Debounce): Promise<void> => {
    const pushed = await pushDebounced(db, job, debounce);
    if (pushed.replaced !== null) await announce([pushed.replaced]);
    if (!pushed.job.scheduledFor) bus.publish("wake", [job.tag]);
  };
  const announce = async (ids: readonly string[]): Promise<void> => {
    if (ids.length === 0) return;
    bus.publish("done", [...ids]);
    await lookUp(ids.filter((id) => waiters.has(id)));
  };

  return {
    attach: (worker) => void workers.push(worker),
    reserve,
    async push(job) {
      if (job.debounce) return pushLater(job, job.debounce);
      const reservation = job.concurrency || job.scheduledFor ? null : reserve(job);
      const claimed = reservation && claimedNow(job, reservation.worker);
      const written = write({ job, claim: claimed?.claim ?? null });
      // the statement is on its way before the job is made ready: both take their time at once
      if (claimed) setImmediate(() => reservation.start(claimed.job, written.then(isTrue, isFalse)));
      await written.catch((error: unknown) => {
        throw isUniqueViolation(error) ? idIsUsed(job) : error;
      });
      if (!claimed && !job.scheduledFor) bus.publish("wake", [job.tag]);
    },
    async pushIn(tx, job) {
      await pushJob(tx, job);
    },
    wake(tags) {
      if (tags.length > 0) bus.publish("wake", [...new Set(tags)]);
    },
    ended(outcomes) {
      for (const { id, status, result } of outcomes) settle({ id, status, result });
      if (outcomes.length > 0)
        bus.publish(
          "done",
          outcomes.map((outcome) => outcome.id),
        );
    },
    announce,
    forget(id) {
      for (const waiter of waiters.get(id) ?? []) waiter.end(null);
    },
    waitFor: (id, { timeoutMs, signal, early = false }) =>
      new Promise((resolve) => {
        const end = (outcome: Outcome | null): void => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", giveUp);
          const waiting = waiters.get(id);
          waiting?.delete(waiter);
          if (waiting?.size === 0) waiters.delete(id);
          resolve(outcome);
        };
        const waiter: Waiter = { early, end };
        const giveUp = (): void => end(null);
        const timer = setTimeout(giveUp, timeoutMs);
        signal?.addEventListener("abort", giveUp, { once: true });
        const waiting = waiters.get(id) ?? new Set<Waiter>();
        waiters.set(id, waiting.add(waiter));
        if (signal?.aborted) giveUp();
      }),
  };
}
