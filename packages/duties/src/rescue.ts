import { maximumRestarts, noteInLog, rescueJobs } from "@towermill/queue";
import type { Duty } from "./duty.ts";

/** Gives the jobs of lost workers back to the queue, and ends those that lost too many. */
export const rescue: Duty = {
  name: "rescue",
  everyMs: 3000,
  async run({ db, dispatcher, log, flowDriver }) {
    const rescued = await rescueJobs(db);
    for (const job of rescued) {
      const line = job.restarted
        ? `Restarted: worker ${job.worker ?? "unknown"} stopped answering while it ran this job (${job.restarts}/${maximumRestarts})`
        : `Worker ${job.worker ?? "unknown"} stopped answering while it ran this job; it is not restarted again`;
      await noteInLog(db, job.id, line);
      log.warn(
        { job: job.id, worker: job.worker, restarts: job.restarts },
        job.restarted ? "job restarted" : "job given up",
      );
    }
    const over = rescued.filter((job) => !job.restarted).map((job) => job.id);
    if (over.length > 0) {
      await dispatcher.announce(over);
      await flowDriver.endedElsewhere(over);
    }
    dispatcher.wake([...new Set(rescued.filter((job) => job.restarted).map((job) => job.tag))]);
  },
};
