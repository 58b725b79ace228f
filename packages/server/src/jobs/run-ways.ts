import type { NewJob } from "@towermill/queue";
import type { Services } from "../services.ts";
import { awaitJob } from "./await-job.ts";
import type { JobEvents } from "./events.ts";
import { startOnce, type KeyedRun } from "./idempotency.ts";
import { resultAnswer } from "./result-answer.ts";
import { requireShortQueue, type Starter } from "./start.ts";
import { streamUpdates } from "./stream.ts";

/** A job that is ready to start; `keyed` where the caller chose an idempotency key. */
export interface Prepared {
  keyed: KeyedRun | null;
  job: NewJob;
}

interface WaitingCall {
  query: { queue_limit?: number | undefined };
  signal: AbortSignal;
}

interface Means {
  services: Services;
  starter: Starter;
  jobEvents: JobEvents;
}

/**
 * The ways in which something deployed is run: start it and answer its id, wait for its result, or stream its updates.
 * @param prepare makes the job of a call; where a call limits the queue, only after the queue was found short enough
 */
export function createRunWays<Started, Waiting extends WaitingCall>(
  { services, starter, jobEvents }: Means,
  prepare: (call: Started | Waiting) => Promise<Prepared>,
) {
  return {
    async run(call: Started): Promise<string> {
      const { keyed, job } = await prepare(call);
      await startOnce(keyed, () => starter.start(job));
      return job.id;
    },
    async runAndWait(call: Waiting): Promise<Response> {
      await requireShortQueue(services, call.query.queue_limit);
      const { keyed, job } = await prepare(call);
      if (keyed === null) return resultAnswer(await starter.startAndWait(job, call.signal));
      await startOnce(keyed, () => starter.start(job));
      return resultAnswer(await awaitJob(services, job.id, call.signal));
    },
    async runAndStream(call: Waiting): Promise<Response> {
      await requireShortQueue(services, call.query.queue_limit);
      const { keyed, job } = await prepare(call);
      await startOnce(keyed, () => starter.start(job));
      const options = {
        workspace: job.workspace,
        id: job.id,
        offsets: { log: 0, stream: 0 },
        logs: false,
        progress: false,
        onlyResult: true,
        fast: true,
        limitMs: services.streamLimitMs,
      };
      return streamUpdates({ db: services.db, jobEvents }, options, call.signal);
    },
  };
}
