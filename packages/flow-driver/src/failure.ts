import type { Entry } from "./batch.ts";
import { stateOf, type Drive } from "./drive.ts";

/**
 * What cannot be worked out (a version that is gone, a run that cannot be taken up, a result that cannot be stored) ends
 * as a failure instead of staying in the queue for ever: a flow that was to begin fails itself, a step fails with it.
 */
export async function failureEnd(work: Drive, entry: Entry, error: { name: string; message: string }): Promise<void> {
  if (entry.kind === "event") return;
  const { job } = entry;
  const result = JSON.stringify({ error });
  const completion = entry.kind === "end" ? entry.completion : null;
  work.plan.ends.push({ ...completion, id: job.id, attempt: job.attempt, status: "failure", result });
  work.results.add(job.id, result);
  const place = job.options.flow;
  if (!place || job.parentJob === null) return;
  const parent = await stateOf(work, job.parentJob).catch(() => null);
  if (parent === null) return;
  const { step, iteration, attempt } = place;
  const done = { type: "done" as const, at: Date.now(), job: job.id, step, iteration, attempt };
  work.events.push({ flowJob: job.parentJob, event: { ...done, success: false, unrecoverable: true } });
}
