import type { ClaimedJob, Ended } from "@towermill/queue";

/** The slot of a worker whose job just ended: the next step may have it. */
export interface Slot {
  worker: string;
  /** Whether it may run a job of this tag; `pinned` = the job goes wherever the one before ran. */
  serves(tag: string, pinned: boolean): boolean;
  /** Tags of other jobs that it may be given, none when its flow has had it long enough. */
  tags(): readonly string[];
  /** Gives it to a step that is being written: it is made ready meanwhile, and runs once it `isWritten`. */
  goOn(job: ClaimedJob, isWritten: Promise<boolean>): void;
}

/** What became of a job that was handed to the driver. */
export interface Driven {
  /** `null`: another attempt of the job came first, this one counts for nothing. Of a flow that goes on, too. */
  ended: Ended | null;
  /** A job that was claimed for the slot in the same commit: run it there. */
  next: ClaimedJob | null;
}
