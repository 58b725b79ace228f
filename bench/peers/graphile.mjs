// graphile-worker with its default settings.
import { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { together } from "../measure.mjs";
import { installed } from "./install.mjs";

/** graphile-worker with its default settings, on the PostgreSQL that we are measured on. */
export async function graphileWorker(databaseUrl) {
  const place = installed("graphile", ["graphile-worker@0.17.3"]);
  const { run, makeWorkerUtils, Logger } = createRequire(join(place, "package.json"))("graphile-worker");
  const logger = new Logger(() => () => undefined);
  const tools = await makeWorkerUtils({ connectionString: databaseUrl, logger });
  await tools.migrate();
  const work = async (concurrentJobs, count, before, during) => {
    await before();
    const events = new EventEmitter();
    let done = 0;
    const all = new Promise((resolve) => events.on("job:complete", () => (done += 1) >= count && resolve()));
    const from = performance.now();
    const taskList = { noop: async () => undefined };
    const preset = { worker: { concurrentJobs, maxPoolSize: concurrentJobs + 2 } };
    const runner = await run({
      connectionString: databaseUrl,
      taskList,
      events,
      logger,
      noHandleSignals: true,
      preset,
    });
    await during();
    await all;
    const perSecond = count / ((performance.now() - from) / 1000);
    await runner.stop();
    return perSecond;
  };
  return {
    /** Jobs per second: 16 callers add one at a time, a worker processes at once. */
    addAndProcess: (count) =>
      work(
        10,
        count,
        async () => undefined,
        () => together(count, 16, (n) => tools.addJob("noop", { n })),
      ),
    /** Jobs per second of a queue that was filled before. */
    drain: (count) =>
      work(
        10,
        count,
        () => tools.addJobs(Array.from({ length: count }, (_, n) => ({ identifier: "noop", payload: { n } }))),
        async () => undefined,
      ),
    stop: () => tools.release(),
  };
}
