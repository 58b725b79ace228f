import { advance, type FlowValue } from "@towermill/openflow";
import type { Breakage, Entry } from "./entry.ts";
import { stateOf, type Drive } from "./drive.ts";
import { loadFlowJob, loadStatus, type FlowJob } from "./run.ts";

/**
 * What cannot be worked out (a version that is gone, a run that cannot be taken up, a result that cannot be stored) ends
 * as a failure instead of staying in the queue for ever: a flow that was to begin fails itself, a step fails with it, and
 * a flow that cannot even be read fails as a whole.
 */
export async function failureEnd(work: Drive, entry: Entry, error: Breakage): Promise<void> {
  if (entry.kind === "event") return abandon(work, entry.flowJob, error);
  const { job } = entry;
  const result = JSON.stringify({ error });
  const completion = entry.kind === "end" ? entry.completion : null;
  work.plan.ends.push({
    ...completion,
    id: job.id,
    attempt: job.attempt,
    limited: true,
    status: "failure",
    result,
    lastLog: null,
  });
  work.results.add(job.id, result);
  await tellParent(work, job, error);
}

async function tellParent(
  work: Drive,
  job: Pick<FlowJob, "id" | "parentJob" | "options">,
  error: Breakage,
): Promise<void> {
  const { flow: place } = job.options;
  const { parentJob } = job;
  if (!place || parentJob === null) return;
  const parent = await stateOf(work, parentJob).catch(() => null);
  if (parent === null) return abandon(work, parentJob, error);
  const { step, iteration, attempt } = place;
  const done = { type: "done" as const, at: Date.now(), job: job.id, step, iteration, attempt };
  work.events.push({ flowJob: parentJob, event: { ...done, success: false, unrecoverable: true } });
}

/** Ends a flow whose value cannot be read any more. */
async function abandon(work: Drive, flowJob: string, error: Breakage): Promise<void> {
  const { db } = work.ctx;
  const job = await loadFlowJob(db, flowJob);
  const stored = await loadStatus(db, flowJob);
  if (!job || !stored || stored.status.engine.phase === "ended") return;
  const by = { type: "cancel" as const, at: Date.now(), by: "system", reason: error.message };
  const ended = advance({ job: flowJob, flow: outlineOf(stored.status.failure_module.id) }, stored.status, by);
  if (ended.kind !== "moved") return;
  const { status } = ended;
  work.plan.flows.push({
    id: flowJob,
    status: JSON.stringify(status),
    from: stored.revision,
    to: status.engine.revision,
  });
  work.plan.ends.push({
    id: flowJob,
    attempt: null,
    limited: true,
    status: "failure",
    result: JSON.stringify({ error }),
  });
  await tellParent(work, job, error);
}

/** Of a flow that is gone, what its end needs: nothing of it is run any more. */
function outlineOf(handler: string): FlowValue {
  return { modules: [], failure_module: { id: handler, value: { type: "identity" } } };
}
