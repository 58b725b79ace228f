import { Worker } from "node:worker_threads";
import type { Heartbeat, WorkerRegistration } from "@towermill/queue";

export interface HeartbeatOptions {
  databaseUrl: string;
  registration: WorkerRegistration;
  intervalMs: number;
}

export interface HeartbeatThread {
  /** Hands over the newest figures; the beat itself needs nothing of this thread. */
  report(figures: Omit<Heartbeat, "name">): void;
  stop(): Promise<void>;
}

// A thread cannot run TypeScript sources; tests that run from sources use the built one.
const threadFile = new URL(
  import.meta.url.endsWith(".ts") ? "../dist/heartbeat-thread.js" : "./heartbeat-thread.js",
  import.meta.url,
);

/**
 * Starts the heartbeat in a thread with a connection of its own, so that a worker whose main thread is busy (parsing or
 * printing a huge JSON) is never taken for dead. Resolves when the worker is registered.
 */
export function startHeartbeat(options: HeartbeatOptions): Promise<HeartbeatThread> {
  const thread = new Worker(threadFile, { workerData: options, stdout: false, stderr: false });
  const exited = new Promise<void>((resolve) => thread.once("exit", () => resolve()));
  return new Promise((resolve, reject) => {
    thread.once("error", reject);
    thread.once("message", () =>
      resolve({
        report: (figures) => thread.postMessage({ figures }),
        async stop() {
          thread.postMessage({ stop: true });
          await exited;
        },
      }),
    );
  });
}
