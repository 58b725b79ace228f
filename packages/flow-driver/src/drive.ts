import {
  advance,
  initialStatus,
  restartStatus,
  type Answer,
  type FlowEvent,
  type FlowStatus,
} from "@towermill/openflow";
import type { ClaimedJob, JobOptions } from "@towermill/queue";
import type { Database } from "@towermill/store";
import type { Vault } from "@towermill/vault";
import { answerNeed } from "./answer.ts";
import { applyEffects } from "./effects.ts";
import type { Evaluator } from "@towermill/expression";
import type { Names } from "./expressions.ts";
import { lookUpResult } from "./lookup.ts";
import type { TextCache } from "./memory.ts";
import { createNames } from "./names.ts";
import { emptyPlan, type Plan, type PlannedJob } from "./plan.ts";
import { createResults, type Results } from "./result.ts";
import { loadStatus, type FlowRun, type Runs, type Stored } from "./run.ts";
import { readChildren } from "./status.ts";
import type { StepJobContext } from "./step-job.ts";

export interface DriveContext extends StepJobContext {
  db: Database;
  vault: Vault;
  evaluator: Evaluator;
  runs: Runs;
  recent: TextCache;
  /** Statuses as this process wrote them last: tried first, because whoever moved a flow last mostly moves it next. */
  statuses: Map<string, Stored>;
  /** The status of a flow, where it is known without reading it. */
  statusOf(flowJob: string): Stored | undefined;
  maxIterations: number | undefined;
}

/** `wipes`: some job below is to be wiped when the whole flow is over. */
export type DrivenStatus = FlowStatus & { wipes?: true };

/** A flow during one drive. */
export interface FlowState {
  run: FlowRun;
  status: DrivenStatus;
  /** Revision that is stored, null = nothing is. */
  from: number | null;
  /** The status was not read but remembered: it may be out of date. */
  remembered: boolean;
  moved: boolean;
  over: boolean;
  /** The flow is being pushed in this drive. */
  planned: (PlannedJob & { state: "held" | "done" }) | null;
  /** The claim of the worker that begins it. */
  claim: number | null;
  /** Whether it begins or ends to wait. */
  wait: { suspend: number; until: number | null } | null;
}

/** All that follows from some events, worked out without a lock and without a transaction; `plan` is what to commit. */
export interface Drive {
  readonly ctx: DriveContext;
  readonly plan: Plan;
  readonly results: Results;
  readonly states: Map<string, FlowState>;
  readonly events: { flowJob: string; event: FlowEvent }[];
  /** Items of loops by flow and need, JSON texts. */
  readonly items: Map<string, string[]>;
  /** Jobs whose definition need not be read. */
  readonly definitions: Map<string, { args: string | null; options: JobOptions }>;
  /** Why events were not taken. */
  readonly ignored: { flowJob: string; event: FlowEvent; reason: string }[];
  /** How many more child flows may begin within this drive instead of in one of their own. */
  inlineLeft: number;
}

/** A flow of nothing but identities must not become one endless commit. */
const mostInline = 40;

export function createDrive(ctx: DriveContext): Drive {
  const plan = emptyPlan();
  return {
    ctx,
    plan,
    results: createResults({ db: ctx.db, plan, recent: ctx.recent }),
    states: new Map(),
    events: [],
    items: new Map(),
    definitions: new Map(),
    ignored: [],
    inlineLeft: mostInline,
  };
}

/** Takes every event, and those that follow, until nothing is left to happen. Then the plan is complete. */
export async function drive(drive: Drive): Promise<void> {
  for (let next = drive.events.shift(); next; next = drive.events.shift()) await take(drive, next.flowJob, next.event);
  for (const state of drive.states.values()) finish(drive.plan, state);
}

interface Begin {
  claimed: ClaimedJob;
  /** Nothing can be stored of it. */
  isNew: boolean;
}

/** @throws Error when the flow or its value is gone */
export async function stateOf(drive: Drive, flowJob: string, begin: Begin | null = null): Promise<FlowState> {
  const known = drive.states.get(flowJob);
  if (known) return known;
  const { ctx } = drive;
  const run = await (begin ? ctx.runs.claimed(begin.claimed) : ctx.runs.get(flowJob));
  const remembered = ctx.statusOf(flowJob);
  const stored = remembered ?? (begin?.isNew ? undefined : await loadStatus(ctx.db, flowJob));
  const state: FlowState = {
    run,
    status: stored?.status ?? (await firstStatus(ctx, run)),
    from: stored?.revision ?? null,
    remembered: remembered !== undefined,
    moved: false,
    over: false,
    planned: null,
    claim: null,
    wait: null,
  };
  drive.states.set(flowJob, state);
  return state;
}

/** The status of a flow that nothing happened to, or that takes up a finished run. */
export async function firstStatus({ db }: DriveContext, { job, flow }: FlowRun): Promise<FlowStatus> {
  const { restart, preprocess } = job.options;
  if (!restart) return initialStatus(flow, { preprocess: preprocess === true && job.options.flow === undefined });
  const original = await loadStatus(db, restart.job);
  if (!original) throw new Error(`The run ${restart.job} that is to be taken up again does not exist any more`);
  const begun = restartStatus({
    flow,
    run: { job: restart.job, status: original.status, children: await readChildren(db, restart.job) },
    path: restart.path,
    ...(restart.flowVersion !== undefined && { flowVersion: restart.flowVersion }),
  });
  if ("problem" in begun) throw new Error(begun.problem);
  return begun.status;
}

export function namesOf(drive: Drive, run: FlowRun, scope: Parameters<typeof createNames>[0]["scope"]): Names {
  const { ctx, plan, results } = drive;
  const lookup = {
    db: ctx.db,
    runs: ctx.runs,
    results,
    statusOf: async (id: string) => drive.states.get(id)?.status ?? (await loadStatus(ctx.db, id))?.status,
  };
  const lookUp = (step: string): Promise<string> => lookUpResult(lookup, run, step);
  return createNames({ db: ctx.db, vault: ctx.vault, plan, results, run, scope, lookUp });
}

async function take(drive: Drive, flowJob: string, event: FlowEvent): Promise<void> {
  const state = await stateOf(drive, flowJob);
  const { run } = state;
  const { maxIterations } = drive.ctx;
  const flowRun = { job: flowJob, flow: run.flow, ...(maxIterations !== undefined && { maxIterations }) };
  const answers: Record<string, Answer> = {};
  for (;;) {
    const transition = advance(flowRun, state.status, event, answers);
    if (transition.kind === "ignored") {
      drive.ignored.push({ flowJob, event, reason: transition.reason });
      return;
    }
    if (transition.kind === "moved") {
      const { wipes } = state.status;
      state.status = wipes ? { ...transition.status, wipes } : transition.status;
      state.moved = true;
      note(drive.plan, state, event);
      await applyEffects(drive, state, transition.effects);
      return;
    }
    for (const need of transition.needs) {
      const answered = await answerNeed(drive.ctx.evaluator, need, namesOf(drive, run, need.scope));
      answers[need.key] = answered.answer;
      if (answered.items) drive.items.set(`${flowJob} ${need.key}`, answered.items);
    }
  }
}

function note(plan: Plan, { run, status }: FlowState, event: FlowEvent): void {
  const flowJob = run.job.id;
  const { revision } = status.engine;
  const ofFlow = (what: string, detail: unknown): void =>
    void plan.events.push({ flowJob, revision, step: null, iteration: null, attempt: null, what, detail });
  switch (event.type) {
    case "start":
      return ofFlow("started", null);
    case "done": {
      const { step, iteration, attempt, job, success } = event;
      plan.events.push({ flowJob, revision, step, iteration, attempt, what: "ended", detail: { job, success } });
      return;
    }
    case "resume": {
      const { job, resume_id, approver, approved } = event;
      return ofFlow(approved ? "resumed" : "disapproved", { job, resume_id, approver });
    }
    case "timeout":
      return ofFlow("timed_out", null);
    case "cancel":
      return ofFlow("canceled", { by: event.by, reason: event.reason });
  }
}

function finish(plan: Plan, state: FlowState): void {
  const { run, status, from, planned, claim, wait } = state;
  if (!state.moved) return;
  plan.flows.push({ id: run.job.id, status: JSON.stringify(status), from, to: status.engine.revision });
  if (state.over) return;
  if (planned?.state === "held") Object.assign(planned, wait);
  else if (claim !== null || wait !== null) {
    plan.held.push({ id: run.job.id, attempt: claim, suspend: wait?.suspend ?? 0, until: wait?.until ?? null });
  }
}
