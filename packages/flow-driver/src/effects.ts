import { outcomeOf, type CompleteEffect, type Effect } from "@towermill/openflow";
import { stateOf, type Drive, type FlowState } from "./drive.ts";
import { applyInstant, applyPush } from "./push.ts";
import { labelsOf, saysRecover } from "./marks.ts";
import type { Plan } from "./plan.ts";
import type { FlowJob } from "./run.ts";

/** Turns what `advance` wants into parts of the plan. */
export async function applyEffects(drive: Drive, state: FlowState, effects: readonly Effect[]): Promise<void> {
  const pushes = effects.filter((effect) => effect.kind === "push").length;
  for (const effect of effects) {
    if (effect.kind === "push") await applyPush(drive, state, { effect, alone: pushes === 1 });
    else await apply(drive, state, effect);
  }
}

async function apply(drive: Drive, state: FlowState, effect: Exclude<Effect, { kind: "push" }>): Promise<void> {
  const { plan, results } = drive;
  const { job } = state.run;
  const revision = state.status.engine.revision;
  const event = { flowJob: job.id, revision, step: null, iteration: null, attempt: null };
  switch (effect.kind) {
    case "instant":
      return applyInstant(drive, state, effect);
    case "record":
    case "cancel":
      return;
    case "items": {
      const values = drive.items.get(`${job.id} ${effect.need}`) ?? [];
      plan.items.push({ flowJob: job.id, step: effect.step, attempt: effect.attempt, values });
      return;
    }
    case "adopt":
      plan.adopted.push({ flowJob: job.id, ...effect });
      return;
    case "suspend":
      state.wait = { suspend: effect.count, until: effect.until };
      plan.events.push({
        ...event,
        what: "suspended",
        detail: { job: effect.job, count: effect.count, until: effect.until },
      });
      return;
    case "unsuspend":
      state.wait = { suspend: 0, until: null };
      return;
    case "preprocessed":
      return applyPreprocessed(drive, state, effect.job);
    case "early_return":
      plan.early.push({ job: job.id, success: effect.success, result: await results.read(state.run, effect.result) });
      return;
    case "log":
      plan.notes.push({ job: job.rootJob ?? job.id, text: `Step ${effect.step}: ${effect.message}` });
      return;
    case "complete":
      return applyComplete(drive, state, effect);
  }
}

/** What the preprocessor made becomes the flow's arguments; then the flow begins. */
async function applyPreprocessed(drive: Drive, state: FlowState, preprocessor: string): Promise<void> {
  const made = await drive.results.ofJob(preprocessor);
  const args = made.trimStart().startsWith("{") ? made : `{"value":${made}}`;
  const { run } = state;
  state.run = { ...run, job: { ...run.job, args } };
  drive.ctx.runs.forget(run.job.id);
  drive.plan.args.push({ job: run.job.id, args });
  drive.events.unshift({ flowJob: run.job.id, event: { type: "start", at: Date.now() } });
}

async function applyComplete(drive: Drive, state: FlowState, effect: CompleteEffect): Promise<void> {
  const { plan, results } = drive;
  const { run, planned } = state;
  const { job } = run;
  const place = job.options.flow;
  const result = await results.read(run, effect.result);
  const labels = labelsOf(result);
  const deleteAfterSeconds = job.options.deleteAfterSeconds ?? null;
  const { status } = effect;
  state.over = true;
  if (status === "success") keep(plan, job, result);
  if (planned) Object.assign(planned, { state: "done", status, result, labels, deleteAfterSeconds });
  else {
    const preprocessed = job.options.preprocess === true;
    const limited = job.concurrencyKey !== null;
    plan.ends.push({
      id: job.id,
      attempt: state.claim,
      limited,
      status,
      result,
      labels,
      deleteAfterSeconds,
      preprocessed,
    });
  }
  const { revision } = state.status.engine;
  const whole = { flowJob: job.id, revision, step: null, iteration: null, attempt: null };
  plan.events.push({ ...whole, what: "completed", detail: { status } });
  if (!place || job.parentJob === null) {
    if (state.status.wipes) plan.wiped.push(job.id);
    results.add(job.id, result);
    return;
  }
  await tellParent(drive, state, { effect, result, parent: job.parentJob });
}

function keep({ kept }: Plan, { workspace, cacheTtlSeconds: ttlSeconds, options }: FlowJob, result: string): void {
  if (options.cacheKey === undefined || !ttlSeconds) return;
  kept.push({ key: Buffer.from(options.cacheKey, "hex"), workspace, result, ttlSeconds });
}

async function tellParent(
  drive: Drive,
  { run: { job }, status }: FlowState,
  { effect, result, parent }: { effect: CompleteEffect; result: string; parent: string },
): Promise<void> {
  const place = job.options.flow;
  if (!place) return;
  const { step, iteration, attempt, kind } = place;
  drive.results.add(job.id, result, iteration === null ? undefined : { flowJob: parent, step, attempt, iteration });
  if (effect.recovered && kind === "body" && iteration !== null) {
    drive.plan.recorded.push({ flowJob: parent, step, attempt, iteration, success: false });
  }
  const outcome = outcomeOf(effect, kind);
  if (status.wipes) {
    const above = await stateOf(drive, parent);
    above.status = { ...above.status, wipes: true };
  }
  drive.events.push({
    flowJob: parent,
    event: {
      type: "done",
      at: Date.now(),
      job: job.id,
      step,
      iteration,
      attempt,
      ...outcome,
      ...(outcome.success && saysRecover(result) && { recover: true }),
    },
  });
}
