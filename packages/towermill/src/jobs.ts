import type { Executor } from "@towermill/runtimes";
import { createCode, startWorker, type RunningWorker } from "@towermill/worker";
import { openExecutor } from "./executor.ts";
import type { Base } from "./platform.ts";
import { workerTags } from "./tags.ts";
import { version } from "./version.ts";

/** The half of a process that runs jobs: the executor with its processes, and the worker that feeds it. */
export interface Jobs {
  executor: Executor;
  worker: RunningWorker;
  stop(): Promise<void>;
}

export async function startJobs(base: Base, urls: { internalUrl: string; baseUrl: string }): Promise<Jobs> {
  const { settings, log, db, bus, vault, dispatcher, databaseUrl } = base;
  const executor = await openExecutor(settings, log);
  try {
    const worker = await startWorker({
      db,
      bus,
      log,
      dispatcher,
      databaseUrl,
      vault,
      executor,
      flows: base.flowDriver,
      code: createCode({ db, bus }),
      environment: { ...urls, workerGroup: settings.WORKER_GROUP },
      groupEnvironment: {},
      maximumTimeoutSeconds: settings.TIMEOUT,
      memoryLimitMb: settings.TOWERMILL_MEMORY_LIMIT_MB,
      alwaysFresh: settings.TOWERMILL_FRESH === "true",
      group: settings.WORKER_GROUP,
      tags: workerTags(settings.WORKER_TAGS),
      slots: settings.NUM_WORKERS,
      version,
    });
    return {
      executor,
      worker,
      async stop() {
        await worker.stop(settings.TOWERMILL_GRACE_SECONDS * 1000);
        await executor.stop();
      },
    };
  } catch (error) {
    await executor.stop();
    throw error;
  }
}
