import type { FlowDriver } from "@towermill/flow-driver";
import type { Dispatcher, NewJob } from "@towermill/queue";
import type { Unattended } from "@towermill/runnable";
import type { Bus, Database, Log } from "@towermill/store";

/** What ticking works with. */
export interface TickerContext {
  db: Database;
  bus: Bus;
  dispatcher: Dispatcher;
  log: Log;
  unattended: Unattended;
  /** Told of steps that were cancelled together with the run they belong to. */
  flowDriver?: Pick<FlowDriver, "endedElsewhere">;
  /**
   * Evaluates `retry_if` of a schedule's retry with the `result` and `error` of the failed run (JSON texts). Without it
   * a failed run is tried again whatever the expression says.
   */
  retryIf?:
    ((expression: string, scope: { workspace: string; result: string; error: string }) => Promise<boolean>) | undefined;
  /** What `retryIf` said, by job. */
  answers: Map<string, boolean>;
}

/** What has to be told when a transaction is committed. */
export interface Consequences {
  /** Jobs that were pushed. */
  pushed: NewJob[];
  /** Jobs that ended without a worker. */
  ended: string[];
  /** Running jobs that were cancelled. */
  stopping: string[];
}

export function noConsequences(): Consequences {
  return { pushed: [], ended: [], stopping: [] };
}
