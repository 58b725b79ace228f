import type { FlowDriver } from "@towermill/flow-driver";
import type { Dispatcher } from "@towermill/queue";
import type { Bus, Database, Log } from "@towermill/store";
import type { Vault } from "@towermill/vault";
import type { RunnerStats } from "./metrics/process.ts";

/** The clock of the server; tests move it. */
export interface Clock {
  now(): Date;
}

/** Everything handlers may use. Made once per process by the program. */
export interface Services {
  db: Database;
  bus: Bus;
  dispatcher: Dispatcher;
  vault: Vault;
  /** Moves flows when somebody approves, or a step ends without a worker. */
  flowDriver: FlowDriver;
  clock: Clock;
  log: Log;
  version: string;
  /** Public address of the instance, without a trailing slash. */
  baseUrl: string;
  /** Key that wraps the workspace keys; 32 bytes, never in the database. */
  instanceKey: Buffer;
  /** Largest request body in bytes. */
  bodyLimit: number;
  /** Longest a `run_wait_result` waits, in milliseconds. */
  waitLimitMs: number;
  /** Proxies before the server that may be believed about where a request came from; default none. */
  trustedProxies?: number;
  /** How long an event stream lives before it tells the client to come back, in milliseconds. */
  streamLimitMs: number;
  /** Of the worker in the same process, for metrics; nothing while or where there is none. */
  runnerStats?: () => RunnerStats | undefined;
}
