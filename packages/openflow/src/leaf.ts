import { isLeaf } from "./body.ts";
import type { Child, Inputs, Payload, PushEffect } from "./effect.ts";
import type { IterRef, Scope } from "./event.ts";
import type { FlowModule, InputTransform, Leaf } from "./flow-value.ts";
import { newChild, type Turn } from "./turn.ts";

export interface LeafPush {
  module: FlowModule;
  value: Leaf;
  attempt: number;
  scheduledFor: number | null;
  scope: Scope;
  /** For a retry: the attempt whose arguments are used again. */
  failedJob: string | null;
}

/** Pushes a step that is a single job. */
export function pushLeaf(turn: Turn, { module, value, attempt, scheduledFor, scope, failedJob }: LeafPush): Child {
  const child = newChild(turn, { step: module.id, iteration: null, attempt });
  const inputs = failedJob === null ? inputsOf(module, value, scope) : ({ kind: "same", job: failedJob } as const);
  push(turn, { module, child, payload: leafPayload(turn, module, value), inputs, scheduledFor, scope });
  return child;
}

function inputsOf(module: FlowModule, value: Leaf, scope: Scope): Inputs {
  if (module.pass_flow_input_directly === true) return { kind: "args", iter: scope.iter };
  return { kind: "transforms", transforms: value.input_transforms ?? {}, scope };
}

interface IterationPush {
  loop: FlowModule;
  child: Child;
  iter: IterRef;
  scheduledFor: number | null;
  scope: Scope;
  parallel: boolean;
}

/** Pushes the only step of a simple body as the iteration itself. */
export function pushIteration(turn: Turn, step: FlowModule & { value: Leaf }, iteration: IterationPush): void {
  const { loop, child, iter, scheduledFor, parallel: ownRoot } = iteration;
  const squash = "squash" in loop.value && loop.value.squash === true;
  const scope: Scope = { ...iteration.scope, previous: { from: "args", iter }, previousStep: null, iter, gate: null };
  const inputs = inputsOf(step, step.value, scope);
  const module = { ...step, priority: step.priority ?? loop.priority };
  const payload = leafPayload(turn, module, step.value);
  push(turn, { module, child, payload, inputs, scheduledFor, scope, ownRoot, squash });
}

function leafPayload(turn: Turn, module: FlowModule, value: Leaf): Payload {
  const preprocessor = turn.status.step === -1;
  if (value.type === "rawscript") return { kind: "code", module, value, preprocessor };
  if (value.type === "script") return { kind: "script", module, value, preprocessor };
  const { restart } = turn.status.engine;
  const nested = restart && turn.run.flow.modules[restart.step]?.id === module.id ? restart.nested : undefined;
  return { kind: "flow", module, value, restart: nested ?? null };
}

type Push = Pick<PushEffect, "child" | "payload" | "inputs" | "scheduledFor"> & {
  module: FlowModule;
  scope: Scope;
  ownRoot?: boolean;
  squash?: boolean;
};

/** Emits a push with what a module's options and the flow's say about the job. */
export function push(turn: Turn, { module, child, payload, inputs, scheduledFor, scope, ownRoot, squash }: Push): void {
  const { flow } = turn.run;
  const isStep = isLeaf(module.value);
  const transform = isStep ? asTransform(module.timeout) : null;
  turn.effects.push({
    kind: "push",
    child,
    payload,
    inputs,
    scheduledFor,
    timeout: transform && { transform, scope },
    priority: module.priority ?? flow.priority ?? null,
    sameWorker: flow.same_worker === true,
    cacheTtlSeconds: (isStep && module.cache_ttl) || null,
    deleteAfterSeconds: deleteAfter(module) ?? deleteAfter(flow),
    debouncing: (isStep && module.debouncing) || null,
    squash: squash ?? false,
    ownRoot: ownRoot ?? payload.kind === "flow",
  });
}

/** A number is the old way to write a static one. */
export function asTransform(value: InputTransform | number | null | undefined): InputTransform | null {
  return typeof value === "number" ? { type: "static", value } : (value ?? null);
}

function deleteAfter(options: Pick<FlowModule, "delete_after_secs" | "delete_after_use">): number | null {
  return options.delete_after_secs ?? (options.delete_after_use === true ? 0 : null);
}
