import { advance, type FlowRun } from "./advance.ts";
import { bodyFlow, readFlow } from "./body.ts";
import type { CompleteEffect, Effect, PushEffect } from "./effect.ts";
import type { Answer, Answers, ChildDone, FlowEvent, IterRef, Need, ResultRef, Scope } from "./event.ts";
import type { FlowModule, FlowValue, InputTransform } from "./flow-value.ts";
import { initialStatus } from "./initial-status.ts";
import { withIter } from "./iter.ts";
import { outcomeOf } from "./outcome.ts";
import { publicStatus, type ChildRow } from "./public-status.ts";
import { restartStatus } from "./restart.ts";
import type { FlowStatus, NestedRestart } from "./status.ts";

/** What a test says about a job that runs. */
export type Outcome = Partial<Omit<ChildDone, "job" | "step" | "iteration" | "attempt">> & { result?: unknown };

export interface Call {
  /** The step's own id, also for an iteration that is one job. */
  step: string;
  job: string;
  args: Record<string, unknown>;
  attempt: number;
  push: PushEffect;
}

export type Expressions = Record<string, (names: Names) => unknown>;

export interface Names {
  result: unknown;
  flow_input: Record<string, unknown>;
  all_iters: unknown;
  resumes: unknown[] | null;
}

interface FlowJob {
  run: FlowRun;
  status: FlowStatus;
  args: Record<string, unknown>;
  /** The push it comes from, and the flow that pushed it. */
  parent: { job: string; push: PushEffect } | null;
  children: ChildRow[];
  items: Map<string, unknown[]>;
  log: { event: FlowEvent; answers: Answers; status: FlowStatus; effects: Effect[] }[];
  end: CompleteEffect | null;
}

interface Waiting {
  flow: string;
  push: PushEffect;
}

export interface Setting {
  flow: FlowValue;
  args?: Record<string, unknown>;
  /** What a step's job does; succeeds with its arguments if absent. */
  runs?: (call: Call) => Outcome;
  exprs?: Expressions;
  preprocess?: boolean;
  status?: FlowStatus;
  /** The run that `status` takes up again. */
  before?: Driver;
  maxIterations?: number;
}

/** A driver of flows in memory: what a worker does with a database, as far as `advance` can see. */
export class Driver {
  readonly root: string;
  readonly flows = new Map<string, FlowJob>();
  readonly results = new Map<string, unknown>();
  readonly waiting: Waiting[] = [];
  readonly effects: (Effect & { flow: string })[] = [];
  readonly calls: Call[] = [];
  now = 1_700_000_000_000;
  readonly #setting: Setting;
  readonly #following: { event: FlowEvent; job: string }[] = [];
  #busy = false;

  constructor(setting: Setting) {
    this.#setting = setting;
    this.root = setting.before ? "00000000-0000-7000-8000-000000000001" : "00000000-0000-7000-8000-000000000000";
    const flow = readFlow(setting.flow);
    const preprocess = setting.preprocess === true;
    const status = setting.status ?? initialStatus(flow, { preprocess });
    for (const [job, result] of setting.before?.results ?? []) this.results.set(job, result);
    this.results.delete(this.root);
    this.#addFlow(this.root, { flow, status, args: setting.args ?? {}, parent: null });
    this.send({ type: "start", at: this.now });
  }

  get status(): FlowStatus {
    return this.flow().status;
  }

  get end(): (CompleteEffect & { value: unknown }) | null {
    const { end } = this.flow();
    return end && { ...end, value: this.results.get(this.root) };
  }

  flow(job: string = this.root): FlowJob {
    const flow = this.flows.get(job);
    if (flow === undefined) throw new Error(`No flow ${job}`);
    return flow;
  }

  shown(job: string = this.root): Record<string, unknown> {
    const { status, children } = this.flow(job);
    return publicStatus(status, children);
  }

  /** Runs jobs until none waits. @param pick which of n goes next */
  drain(pick: (count: number) => number = () => 0): this {
    while (this.waiting.length > 0) this.runOne(pick(this.waiting.length));
    return this;
  }

  runOne(index = 0): void {
    const [next] = this.waiting.splice(index, 1);
    if (next === undefined) throw new Error("Nothing waits");
    const { flow, push } = next;
    this.now = Math.max(this.now + 1, push.scheduledFor ?? 0);
    const { payload, child } = push;
    if (payload.kind === "identity") return this.#done(next, { success: true }, this.#resolve(flow, payload.result));
    if (payload.kind === "body") throw new Error("A body is a flow");
    const call = {
      step: payload.module.id,
      job: child.job,
      args: this.#inputs(flow, push),
      attempt: child.attempt,
      push,
    };
    this.calls.push(call);
    const { result, ...outcome } = { success: true, result: call.args as unknown, ...this.#setting.runs?.(call) };
    this.#done(next, outcome, result);
  }

  /** @returns whether it changed anything */
  send(event: FlowEvent, job: string = this.root): boolean {
    const flow = this.flow(job);
    const answers: Record<string, Answer> = {};
    for (;;) {
      const before = JSON.stringify(flow.status);
      const transition = advance(flow.run, flow.status, event, answers);
      if (JSON.stringify(flow.status) !== before) throw new Error("advance has changed the status it was given");
      if (transition.kind === "ignored") return false;
      if (transition.kind === "needs") {
        for (const need of transition.needs) answers[need.key] = this.#answer(job, need);
        continue;
      }
      flow.log.push({ event, answers, status: transition.status, effects: transition.effects });
      flow.status = transition.status;
      for (const effect of transition.effects) this.#apply(job, effect);
      if (!this.#busy) this.#follow();
      return true;
    }
  }

  /** Events that effects give rise to, each when all effects before it are applied. */
  #follow(): void {
    this.#busy = true;
    for (let next = this.#following.shift(); next; next = this.#following.shift()) this.send(next.event, next.job);
    this.#busy = false;
  }

  #addFlow(job: string, { flow, ...rest }: Pick<FlowJob, "status" | "args" | "parent"> & { flow: FlowValue }): void {
    const { maxIterations } = this.#setting;
    const run = { job, flow, ...(maxIterations !== undefined && { maxIterations }) };
    this.flows.set(job, { run, ...rest, children: [], items: new Map(), log: [], end: null });
  }

  #apply(job: string, effect: Effect): void {
    const flow = this.flow(job);
    this.effects.push({ ...effect, flow: job });
    if (flow.end) throw new Error(`${effect.kind} after the end`);
    if (effect.kind === "push") this.#push(job, effect);
    else if (effect.kind === "instant") {
      this.#addChild(job, effect.child);
      this.results.set(effect.child.job, this.#resolve(job, effect.result));
    } else if (effect.kind === "record") {
      const row = flow.children.find((child) => child.job === effect.child.job);
      if (row === undefined || row.success !== null) throw new Error("A record without its child, or twice");
      row.success = effect.success;
    } else if (effect.kind === "adopt") {
      const rows = this.#setting.before?.flow(effect.from).children ?? [];
      const taken = rows.filter(
        ({ step, attempt, iteration }) =>
          step === effect.step &&
          attempt === effect.attempt &&
          iteration !== null &&
          iteration < (effect.below ?? Infinity),
      );
      flow.children.push(...taken.map((row) => ({ ...row, attempt: effect.to })));
    } else if (effect.kind === "preprocessed") {
      const value = this.results.get(effect.job);
      flow.args = isObject(value) ? value : { value };
      this.#following.push({ event: { type: "start", at: this.now }, job });
    } else if (effect.kind === "complete") this.#complete(job, effect);
  }

  #complete(job: string, effect: CompleteEffect): void {
    const flow = this.flow(job);
    flow.end = effect;
    const value = this.#resolve(job, effect.result);
    this.results.set(job, value);
    const { parent } = flow;
    if (parent === null) return;
    const event = { type: "done", at: this.now, ...parent.push.child, ...outcomeOf(effect, "body") } as const;
    this.#following.push({ event, job: parent.job });
  }

  #push(job: string, effect: PushEffect): void {
    this.#addChild(job, effect.child);
    const { payload, child, inputs } = effect;
    if (payload.kind !== "body") {
      this.waiting.push({ flow: job, push: effect });
      return;
    }
    const flow = bodyFlow(this.flow(job).run.flow, payload.body);
    const args = this.#withIter(job, inputs.kind === "args" ? inputs.iter : null);
    const status = payload.restart ? this.#restarted(flow, payload.restart) : initialStatus(flow);
    this.#addFlow(child.job, { flow, status, args, parent: { job, push: effect } });
    this.#following.push({ event: { type: "start", at: this.now }, job: child.job });
  }

  #restarted(flow: FlowValue, { job, path }: NestedRestart): FlowStatus {
    const before = this.#setting.before?.flow(job);
    if (before === undefined) throw new Error(`There was no run ${job}`);
    const restarted = restartStatus({ flow, run: { job, status: before.status, children: before.children }, path });
    if ("problem" in restarted) throw new Error(restarted.problem);
    return restarted.status;
  }

  #addChild(job: string, child: PushEffect["child"]): void {
    const { children } = this.flow(job);
    const isSame = (row: ChildRow): boolean =>
      row.step === child.step && row.iteration === child.iteration && row.attempt === child.attempt;
    if (children.some(isSame))
      throw new Error(`The child ${child.step}[${child.iteration}]#${child.attempt} was pushed twice`);
    children.push({ ...child, success: null, startedAt: null, durationMs: null });
  }

  #done({ flow, push }: Waiting, outcome: Omit<ChildDone, keyof PushEffect["child"]>, result: unknown): void {
    this.results.set(push.child.job, result);
    this.#following.push({ event: { type: "done", at: this.now, ...push.child, ...outcome }, job: flow });
    if (!this.#busy) this.#follow();
  }

  #inputs(job: string, { inputs }: PushEffect): Record<string, unknown> {
    if (inputs.kind === "same") return this.calls.find((call) => call.job === inputs.job)?.args ?? {};
    if (inputs.kind === "args") return this.#withIter(job, inputs.iter);
    const values = Object.entries(inputs.transforms).map(([name, transform]) => [
      name,
      this.#evaluate(job, transform, inputs.scope),
    ]);
    return Object.fromEntries(values);
  }

  #withIter(job: string, iter: IterRef | null): Record<string, unknown> {
    const { args, items } = this.flow(job);
    if (iter === null) return args;
    const { index } = iter;
    return withIter(args, { index, value: iter.whileLoop ? index : items.get(iter.step)?.[index] });
  }

  #answer(job: string, need: Need): Answer {
    try {
      if (need.kind === "boolean") return { kind: "boolean", value: Boolean(this.#call(job, need.expr, need.scope)) };
      if (need.kind === "branch")
        return { kind: "branch", value: need.exprs.findIndex((expr) => Boolean(this.#call(job, expr, need.scope))) };
      const value = this.#evaluate(job, need.transform, need.scope);
      if (need.kind === "number") return { kind: "number", value: typeof value === "number" ? value : null };
      if (need.kind === "strings") return { kind: "strings", value: (value as unknown[]).map(String) };
      if (!Array.isArray(value)) return { kind: "not-items", found: JSON.stringify(value) };
      this.flow(job).items.set(need.step, value);
      return { kind: "items", length: value.length };
    } catch (error) {
      return { kind: "error", message: error instanceof Error ? error.message : String(error) };
    }
  }

  #evaluate(job: string, transform: InputTransform, scope: Scope): unknown {
    if (transform.type === "static") return transform.value ?? null;
    return transform.type === "javascript" ? this.#call(job, transform.expr, scope) : null;
  }

  #call(job: string, expr: string, scope: Scope): unknown {
    const known = this.#setting.exprs?.[expr];
    if (known === undefined) throw new Error(`unknown expression ${expr}`);
    return known({
      result: this.#resolve(job, scope.previous),
      flow_input: this.#withIter(job, scope.iter),
      all_iters: scope.allIters && this.#resolve(job, scope.allIters),
      resumes: scope.gate && [...scope.gate.used, ...(scope.gate.refused ? [scope.gate.refused] : [])],
    });
  }

  #resolve(job: string, ref: ResultRef): unknown {
    switch (ref.from) {
      case "args":
        return this.#withIter(job, ref.iter);
      case "job":
        return this.results.get(ref.job);
      case "value":
        return ref.value;
      case "children":
        return this.flow(job)
          .children.filter(
            ({ step, attempt, iteration }) => step === ref.step && attempt === ref.attempt && iteration !== null,
          )
          .filter((row) => this.results.has(row.job))
          .toSorted((a, b) => Number(a.iteration) - Number(b.iteration))
          .map((row) => this.results.get(row.job));
      case "stopped": {
        const error = { name: "EarlyStopError", message: ref.message };
        return { error: ref.result === null ? error : { ...error, result: this.#resolve(job, ref.result) } };
      }
    }
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A step that runs a script. */
export function script(id: string, options: Partial<FlowModule> = {}, inputs: Record<string, string> = {}): FlowModule {
  const input_transforms = Object.fromEntries(
    Object.entries(inputs).map(([name, expr]) => [name, { type: "javascript" as const, expr }]),
  );
  return { id, value: { type: "rawscript", content: "", language: "bun", input_transforms }, ...options };
}

export function loop(
  id: string,
  items: unknown,
  modules: FlowModule[],
  options: Partial<FlowModule> & { loop?: object } = {},
): FlowModule {
  const { loop: more, ...rest } = options;
  return { id, value: { type: "forloopflow", iterator: { type: "static", value: items }, modules, ...more }, ...rest };
}
