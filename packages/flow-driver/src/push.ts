import { ApiError } from "@towermill/contract";
import type { InstantEffect, PushEffect } from "@towermill/openflow";
import { readCachedResult, type JobOptions, type NewJob } from "@towermill/queue";
import type { Drive, FlowState } from "./drive.ts";
import { namesOf } from "./drive.ts";
import { argsOfPush, InputError, timeoutOfPush, type InputContext } from "./inputs.ts";
import { innermostRootOf } from "./place.ts";
import type { PlannedJob } from "./plan.ts";
import { baseOfStep, leafOf, stepJob } from "./step-job.ts";
import { fillFlowExpressions } from "./tag.ts";
import { bodyFlow, readFlow, type FlowValue } from "@towermill/openflow";
import type { FlowJob, FlowRun } from "./run.ts";
import { firstStatus } from "./drive.ts";

interface Push {
  effect: PushEffect;
  /** Nothing else is pushed by the same transition. */
  alone: boolean;
}

/** Plans a child: its job, its place in the flow, and what follows at once if it cannot run or need not. */
export async function applyPush(drive: Drive, state: FlowState, { effect, alone }: Push): Promise<void> {
  const { plan } = drive;
  const planned = await plannedJob(drive, state, effect);
  const { job } = planned;
  plan.jobs.push(planned);
  noteChild(drive, state, effect);
  if (job.options?.wipeAfterFlowSeconds !== undefined) state.status.wipes = true;
  drive.definitions.set(job.id, { args: job.args, options: job.options ?? {} });
  if (planned.state === "done") return endAtOnce(drive, state, { effect, planned });
  const isFlow = job.kind === "flow" || job.kind === "flowpreview";
  if (isFlow && alone && !job.scheduledFor && !job.concurrency && drive.inlineLeft > 0) {
    await beginInline(drive, state, { effect, planned });
  }
}

async function plannedJob(drive: Drive, state: FlowState, effect: PushEffect): Promise<PlannedJob> {
  const { ctx } = drive;
  const { run } = state;
  const inputs: InputContext = {
    db: ctx.db,
    evaluator: ctx.evaluator,
    results: drive.results,
    vault: drive.ctx.vault,
    namesOf: (of, scope) => namesOf(drive, of, scope),
    definitionOf: (job) => drive.definitions.get(job),
  };
  try {
    const args = await argsOfPush(inputs, run, effect);
    const timeoutSeconds = await timeoutOfPush(inputs, run, effect);
    const fillTag = (template: string): Promise<string> => fillFlowExpressions(drive, { run, effect, template });
    const job = await stepJob(ctx, { run, effect, args, timeoutSeconds, fillTag });
    return (await fromCache(drive, job)) ?? { job, state: "queued" };
  } catch (error) {
    const failed = failureOf(error, leafOf(effect));
    if (failed === null) throw error;
    const base = baseOfStep({ run, effect, args: "{}" });
    const job: NewJob = { ...base, kind: "flowscript", tag: run.job.tag, options: { ...base.options, failed } };
    if (job.scheduledFor) return { job, state: "queued" };
    return { job, state: "done", status: "failure", result: errorText(failed), labels: [], deleteAfterSeconds: null };
  }
}

function failureOf(error: unknown, step: string): NonNullable<JobOptions["failed"]> | null {
  if (error instanceof InputError) return { ...error.failed, step_id: step };
  return error instanceof ApiError ? { name: "ExecutionErr", message: error.message, step_id: step } : null;
}

function errorText(error: object | undefined): string {
  return JSON.stringify({ error });
}

async function fromCache({ ctx }: Drive, job: NewJob): Promise<PlannedJob | null> {
  const key = job.options?.cacheKey;
  if (key === undefined || job.scheduledFor) return null;
  const result = await readCachedResult(ctx.db, Buffer.from(key, "hex"));
  if (result === undefined) return null;
  return { job, state: "done", status: "success", result, labels: [], deleteAfterSeconds: null };
}

function noteChild({ plan }: Drive, { run, status }: FlowState, effect: PushEffect): void {
  const { child, payload, ownRoot } = effect;
  const root = innermostRootOf(run.job);
  plan.children.push({
    flowJob: run.job.id,
    ...child,
    kind: payload.kind,
    // an iteration of its own is not seen from outside; a flow step is, only what is inside it is not
    root: ownRoot && payload.kind !== "flow" ? child.job : root,
    leaf: leafOf(effect),
  });
  const { step, iteration, attempt, job } = child;
  const detail = { job, kind: payload.kind, ...(effect.scheduledFor !== null && { at: effect.scheduledFor }) };
  const { revision } = status.engine;
  plan.events.push({ flowJob: run.job.id, revision, step, iteration, attempt, what: "pushed", detail });
}

function endAtOnce(
  drive: Drive,
  { run }: FlowState,
  { effect, planned }: { effect: PushEffect; planned: PlannedJob & { state: "done" } },
): void {
  const { child } = effect;
  const { step, iteration, attempt, job } = child;
  drive.results.add(
    job,
    planned.result,
    iteration === null ? undefined : { flowJob: run.job.id, step, attempt, iteration },
  );
  const success = planned.status === "success";
  drive.events.push({ flowJob: run.job.id, event: { type: "done", at: Date.now(), ...child, success } });
}

/** A child flow that may start now begins in the same commit: it never waits in the queue. */
async function beginInline(
  drive: Drive,
  parent: FlowState,
  { effect, planned }: { effect: PushEffect; planned: PlannedJob },
): Promise<void> {
  const job = flowJobOf(planned.job);
  const flow = await valueOfChild(drive, parent, { effect, job });
  if (!flow) return;
  const run: FlowRun = { job, flow, version: effect.payload.kind === "body" ? parent.run.version : job.hash };
  const status = await firstStatus(drive.ctx, run);
  const held = Object.assign(planned, { state: "held" as const, suspend: 0, until: null });
  drive.inlineLeft -= 1;
  drive.states.set(job.id, {
    run,
    status,
    from: null,
    remembered: false,
    moved: false,
    over: false,
    planned: held,
    claim: null,
    wait: null,
  });
  drive.events.push({ flowJob: job.id, event: { type: "start", at: Date.now() } });
}

async function valueOfChild(
  { ctx }: Drive,
  { run }: FlowState,
  { effect, job }: { effect: PushEffect; job: FlowJob },
): Promise<FlowValue | null> {
  const { payload } = effect;
  if (payload.kind === "body") return bodyFlow(run.flow, payload.body);
  const value = job.hash === null ? null : await ctx.deployed.value(job.workspace, Number(job.hash));
  return value && readFlow(value);
}

function flowJobOf(job: NewJob): FlowJob {
  return {
    id: job.id,
    workspace: job.workspace,
    kind: job.kind,
    createdBy: job.createdBy,
    permissionedAs: job.permissionedAs,
    member: job.member,
    tag: job.tag,
    args: job.args ?? "{}",
    path: job.path ?? null,
    hash: job.hash ?? null,
    rawFlow: null,
    parentJob: job.parentJob ?? null,
    rootJob: job.rootJob ?? null,
    triggerKind: null,
    triggerPath: null,
    priority: job.priority ?? null,
    cacheTtlSeconds: job.cacheTtlSeconds ?? null,
    concurrencyKey: job.concurrency?.key ?? null,
    visibleToOwner: job.visibleToOwner ?? true,
    options: job.options ?? {},
    scheduledFor: new Date(),
  };
}

/** A step that is over before it began: a job with its result that no queue ever sees. */
export async function applyInstant(drive: Drive, state: FlowState, effect: InstantEffect): Promise<void> {
  const { child, success } = effect;
  const { run, status } = state;
  const { job } = run;
  const result = await drive.results.read(run, effect.result);
  const { step, iteration, attempt } = child;
  const place = { step, iteration, attempt, kind: "identity" as const, root: innermostRootOf(job), path: job.path };
  drive.plan.jobs.push({
    job: {
      id: child.job,
      workspace: job.workspace,
      kind: "identity",
      createdBy: job.createdBy,
      permissionedAs: job.permissionedAs,
      member: job.member,
      tag: job.tag,
      args: null,
      parentJob: job.id,
      rootJob: job.options.flow ? job.rootJob : job.id,
      flowStepId: step,
      visibleToOwner: job.visibleToOwner,
      options: { flow: place },
    },
    state: "done",
    status: success ? "success" : "failure",
    result,
    labels: [],
    deleteAfterSeconds: null,
  });
  drive.plan.children.push({ flowJob: job.id, ...child, kind: "instant", root: innermostRootOf(job), leaf: step });
  drive.results.add(child.job, result, iteration === null ? undefined : { flowJob: job.id, step, attempt, iteration });
  const { revision } = status.engine;
  const detail = { job: child.job, success };
  drive.plan.events.push({ flowJob: job.id, revision, step, iteration, attempt, what: "passed", detail });
}
