import type { ClaimedJob, Completion } from "@towermill/queue";
import type { Executor } from "@towermill/runtimes";
import type { Bus, Database, Log } from "@towermill/store";
import type { Vault } from "@towermill/vault";
import type { Code } from "./code.ts";
import type { EnvironmentOptions } from "./environment.ts";
import type { JobLog } from "./job-log.ts";
import type { SecretReads } from "./secret-reads.ts";
import type { WorkspaceEnvironment } from "./workspace-environment.ts";

/** What running a job needs, made once per worker. */
export interface WorkerContext {
  db: Database;
  bus: Bus;
  log: Log;
  code: Code;
  executor: Executor;
  environment: EnvironmentOptions;
  /** Environment the worker group gives to every job. */
  groupEnvironment: Record<string, string>;
  /** Environment that a workspace gives to every job of it. */
  workspaceEnvironment: WorkspaceEnvironment;
  secretReads: SecretReads;
  vault: Vault;
  /** Longest a job may run, in seconds; a job's own timeout may only be shorter. */
  maximumTimeoutSeconds: number;
  memoryLimitMb: number;
  /** Every job gets a process of its own. */
  alwaysFresh: boolean;
}

/** One job while it runs on this worker. */
export interface RunningJob {
  job: ClaimedJob;
  log: JobLog;
  /** Aborted by cancellation, by the loss of the claim, and by the end of a stopping worker's patience. */
  signal: AbortSignal;
  /** Whether it was pushed, for a job that is made ready meanwhile: nothing of it may run before. */
  isWritten: Promise<boolean>;
}

/** What running a job came to, before it is written. */
export type JobEnd = Omit<Completion, "id" | "attempt" | "lastLog">;
