import type { FlowDriver } from "@towermill/flow-driver";
import type { Dispatcher } from "@towermill/queue";
import type { Unattended } from "@towermill/runnable";
import type { Bus, Database, Log } from "@towermill/store";

export interface DutyContext {
  db: Database;
  bus: Bus;
  dispatcher: Dispatcher;
  log: Log;
  /** Moves the flows of steps that ended without a worker. */
  flowDriver: Pick<FlowDriver, "endedElsewhere" | "timeOut" | "reconcile">;
  /** Makes the jobs of handlers. */
  unattended: Unattended;
  now(): Date;
  /** Jobs that ended longer ago than this are deleted, in days. */
  retentionDays: number;
}

/**
 * Work that one process of the whole installation does at a time. A duty is a reconciler: each run computes what should
 * be and repairs the difference, so a missed run is made up by the next.
 */
export interface Duty {
  name: string;
  everyMs: number;
  run(ctx: DutyContext): Promise<void>;
}
