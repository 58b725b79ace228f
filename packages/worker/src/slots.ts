import { claimJobs, type ClaimedJob, type ClaimRequest, type LocalWorker, type Reservation } from "@towermill/queue";
import type { Database, Log } from "@towermill/store";

/** How long one flow has had a slot. */
export interface Stay {
  /** It has had its turn: the next step waits in the queue like everybody else's. */
  isOver(): boolean;
  /** Its end makes room for another job. A job that runs nothing never took any. */
  readonly takesSlot: boolean;
}

const written = Promise.resolve(true);

/** Steps of one flow follow each other in a slot for this long, then others get a chance. */
const longestStayMs = 3000;

export interface SlotsOptions {
  db: Database;
  log: Log;
  worker: string;
  tags: readonly string[];
  count: number;
  /** Runs a job; resolves when it is over, with the job that has its slot next, if one was claimed for it. Never rejects. */
  run(job: ClaimedJob, stay: Stay, isWritten: Promise<boolean>): Promise<ClaimedJob | null>;
}

/** The slots of a worker: they are filled by pushes of this process, and by claiming whenever something may be due. */
export interface Slots extends LocalWorker {
  /** Claims for the free slots until nothing is due. */
  fill(): void;
  /** Takes no more jobs. */
  close(): void;
  readonly free: number;
  /** Whether it takes more jobs. */
  readonly isOpen: boolean;
  /** The claim to make beside `count` completions, whose slots become free: `null` when nothing is known to wait. */
  wantsNext(count: number): ClaimRequest | null;
  /** What came of such a claim. */
  gotNext(claimed: number, asked: number): void;
  /** Whether a job of this tag may run in the slot of one that ends; a pinned one runs there whatever its tag. */
  serves(tag: string, pinned: boolean): boolean;
}

/**
 * A claim is made when something may be due: a notification said so, the poll behind asks, or the last claim filled
 * every free slot, so that there may be more. A slot that becomes free while nothing is due costs no statement.
 */
export function createSlots({ db, log, worker, tags, count, run }: SlotsOptions): Slots {
  const served = new Set(tags);
  let free = count;
  let open = true;
  let claiming = false;
  let due = true;

  const follow = async (first: ClaimedJob, stay: Stay, isWritten: Promise<boolean>): Promise<void> => {
    for (let job = await run(first, stay, isWritten); job !== null;) job = await run(job, stay, written);
  };
  const start = async (job: ClaimedJob, isWritten: Promise<boolean>): Promise<void> => {
    const since = performance.now();
    await follow(job, { isOver: () => performance.now() - since > longestStayMs, takesSlot: true }, isWritten);
    free += 1;
    claim();
  };
  const pass = (job: ClaimedJob, isWritten: Promise<boolean>): Promise<void> =>
    follow(job, { isOver: () => true, takesSlot: false }, isWritten);
  const claimRound = async (): Promise<void> => {
    const asked = free;
    free -= asked;
    const jobs = await claimJobs(db, { worker, tags, count: asked }).catch((error: unknown) => {
      log.warn({ err: error }, "jobs could not be claimed, trying again");
      return [];
    });
    free += asked - jobs.length;
    // claimed after close(): they run all the same, the stop waits for them or gives them back
    for (const job of jobs) void start(job, written);
    if (jobs.length === asked) due = true;
  };
  const claim = (): void => {
    if (claiming) return;
    claiming = true;
    void (async () => {
      while (due && open && free > 0) {
        due = false;
        await claimRound();
      }
      claiming = false;
    })();
  };
  const fill = (): void => {
    due = true;
    claim();
  };

  return {
    fill,
    close: () => (open = false),
    get free() {
      return free;
    },
    get isOpen() {
      return open;
    },
    wantsNext: (count) => (due && open && count > 0 ? { worker, tags, count } : null),
    gotNext(claimed, asked) {
      // the rest may be due under a concurrency limit, which only a claim by itself looks for
      if (claimed < asked) claim();
    },
    serves: (tag, pinned) => open && (pinned || served.has(tag)),
    reserve({ tag, kind }): Reservation | null {
      if (!open || !served.has(tag)) return null;
      if (kind === "identity" || kind === "noop")
        return { worker, start: (job, isWritten) => void pass(job, isWritten), release: () => undefined };
      if (free === 0) return null;
      free -= 1;
      return {
        worker,
        start: (job, isWritten) => void start(job, isWritten),
        release() {
          free += 1;
          claim();
        },
      };
    },
  };
}
