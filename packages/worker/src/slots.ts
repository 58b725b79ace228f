import { claimJobs, type ClaimedJob, type ClaimRequest, type LocalWorker, type Reservation } from "@towermill/queue";
import type { Database, Log } from "@towermill/store";

/** How long one flow has had a slot. */
export interface Stay {
  /** It has had its turn: the next step waits in the queue like everybody else's. */
  isOver(): boolean;
  /** Its end makes room for another job. A job that runs nothing never took any. */
  readonly takesSlot: boolean;
}

/** A job for a slot, as {@link Reservation.start} takes it. */
export interface Next {
  job: ClaimedJob;
  isWritten: Promise<boolean>;
}

export const alreadyWritten = Promise.resolve(true);

/** The word that a job is waiting for, if it is. */
export function pendingOf(isWritten: Promise<boolean>): Promise<boolean> | undefined {
  return isWritten === alreadyWritten ? undefined : isWritten;
}

/** Steps of one flow follow each other in a slot for this long, then others get a chance. */
const longestStayMs = 3000;

/** Work that is claimed ahead of its slots, by what jobs took lately: none while they are longer than this. */
const aheadMs = 25;
/** Jobs claimed ahead for each slot, at most. */
const mostAhead = 8;
/** Claimed ahead and not begun for so long: others may have it. */
const longestAheadMs = 500;

export interface SlotsOptions {
  db: Database;
  log: Log;
  worker: string;
  tags: readonly string[];
  count: number;
  /**
   * Runs a job; resolves when its slot may go on, with the job that has it next, if there is one. Never rejects.
   */
  run(job: Next, stay: Stay): Promise<Next | null>;
}

/** A claim on its way. */
export interface Asking {
  request: ClaimRequest;
  /** What came of it. `rest` = it did not look for jobs under a concurrency limit. */
  settle(jobs: readonly ClaimedJob[], rest: boolean): void;
}

/** The slots of a worker: they are filled by pushes of this process, and by claiming whenever something may be due. */
export interface Slots extends LocalWorker {
  /** Claims for the free slots until nothing is due. */
  fill(): void;
  /** Takes no more jobs. */
  close(): void;
  /** Whether it takes more jobs. */
  readonly isOpen: boolean;
  /** A claim to make beside completions that free so many slots; `null` when nothing is known to wait. */
  ask(freeing: number): Asking | null;
  /** A job that was claimed ahead, for a slot whose job has its result. */
  next(): ClaimedJob | null;
  /** Whether a job was claimed ahead and has not begun. */
  holds(id: string): boolean;
  /** Takes away what was claimed ahead and has not begun: all, or what waited for too long. */
  drop(which: "all" | "late"): ClaimedJob[];
  /** Whether a job of this tag may run in the slot of one that ends; a pinned one runs there whatever its tag. */
  serves(tag: string, pinned: boolean): boolean;
}

/**
 * A claim is made when something may be due: a notification said so, the poll behind asks, or the last claim filled
 * every place, so that there may be more. A slot that becomes free while nothing is due costs no statement. While jobs are
 * short, some more are claimed ahead, so that no slot waits for the database.
 */
export function createSlots({ db, log, worker, tags, count, run }: SlotsOptions): Slots {
  const served = new Set(tags);
  const ahead: { job: ClaimedJob; since: number }[] = [];
  let free = count;
  let open = true;
  let asking = false;
  let due = true;
  /** Milliseconds that jobs take, the latest counting most. */
  let pace = Number.POSITIVE_INFINITY;

  const aheadLimit = (): number => (pace > aheadMs ? 0 : Math.floor(count * Math.min(mostAhead, aheadMs / pace)));
  const next = (): ClaimedJob | null => ahead.shift()?.job ?? null;
  const timed = async (job: Next, stay: Stay): Promise<Next | null> => {
    const from = performance.now();
    const following = await run(job, stay);
    const took = performance.now() - from;
    pace = Number.isFinite(pace) ? pace * 0.8 + took * 0.2 : took;
    return following;
  };
  const follow = async (first: Next, stay: Stay): Promise<void> => {
    for (let job: Next | null = first; job !== null;) job = await timed(job, stay);
  };
  const start = async (first: Next): Promise<void> => {
    for (let job: Next | null = first; job !== null;) {
      const since = performance.now();
      await follow(job, { isOver: () => performance.now() - since > longestStayMs, takesSlot: true });
      const waiting = next();
      job = waiting && { job: waiting, isWritten: alreadyWritten };
    }
    free += 1;
    claim();
  };
  const pass = (job: Next): Promise<void> => follow(job, { isOver: () => true, takesSlot: false });
  const ask = (freeing: number): Asking | null => {
    if (!due || !open || asking) return null;
    const held = free;
    const places = held + freeing + Math.max(0, aheadLimit() - ahead.length);
    if (places === 0) return null;
    due = false;
    asking = true;
    free = 0;
    return {
      request: { worker, tags, count: places },
      settle(jobs, rest) {
        asking = false;
        free += held;
        if (jobs.length === places || rest) due = true;
        const since = performance.now();
        for (const job of jobs) ahead.push({ job, since });
        // claimed after close(): they run all the same, the stop waits for them or gives them back
        while (free > 0 && ahead.length > 0) {
          free -= 1;
          const job = next();
          if (job) void start({ job, isWritten: alreadyWritten });
        }
        claim();
      },
    };
  };
  const claim = (): void => {
    const asked = ask(0);
    if (!asked) return;
    claimJobs(db, asked.request).then(
      (jobs) => asked.settle(jobs, false),
      (error: unknown) => {
        log.warn({ err: error }, "jobs could not be claimed, trying again");
        asked.settle([], false);
      },
    );
  };
  const fill = (): void => {
    due = true;
    claim();
  };

  return {
    fill,
    close: () => (open = false),
    get isOpen() {
      return open;
    },
    ask,
    next,
    holds: (id) => ahead.some(({ job }) => job.id === id),
    drop(which) {
      const limit = which === "all" ? Number.POSITIVE_INFINITY : performance.now() - longestAheadMs;
      const late = ahead.findIndex(({ since }) => since > limit);
      return ahead.splice(0, late === -1 ? ahead.length : late).map(({ job }) => job);
    },
    serves: (tag, pinned) => open && (pinned || served.has(tag)),
    reserve({ tag, kind }): Reservation | null {
      if (!open || !served.has(tag)) return null;
      if (kind === "identity" || kind === "noop")
        return { worker, start: (job, isWritten) => void pass({ job, isWritten }), release: () => undefined };
      if (free === 0) return null;
      free -= 1;
      return {
        worker,
        start: (job, isWritten) => void start({ job, isWritten }),
        release() {
          free += 1;
          claim();
        },
      };
    },
  };
}
