import type { BodyAddress } from "./effect.ts";
import type { FlowModule, FlowValue, Leaf, ModuleValue } from "./flow-value.ts";

/**
 * A flow as `advance` wants it: ids where the author gave none, and a last step behind which something waits is followed
 * by a step that only waits.
 */
export function readFlow(flow: FlowValue): FlowValue {
  return { ...flow, modules: withWaitingStep(flow.modules.map(withId)) };
}

/**
 * The flow that an iteration or a branch is. `flow_env` is the nearest ancestor's.
 * @throws RangeError when the flow has no such body
 */
export function bodyFlow(flow: FlowValue, body: BodyAddress): FlowValue {
  const index = flow.modules.findIndex(({ id }) => id === body.step);
  const module = flow.modules[index];
  const modules = module && modulesOf(module, body);
  if (module === undefined || modules === undefined)
    throw new RangeError(`The flow has no step ${body.step} with a ${body.kind} ${placeOf(body)}`);
  return {
    modules: withWaitingStep(modules.map(withId)),
    failure_module: flow.failure_module && {
      ...flow.failure_module,
      id: `${handlerId(flow)}-${index}-${placeOf(body)}`,
    },
    same_worker: flow.same_worker,
    preserve_step_tags: flow.preserve_step_tags,
    flow_env: flow.flow_env,
    priority: module.priority ?? flow.priority,
    early_return: flow.early_return,
    delete_after_use: flow.delete_after_use,
    delete_after_secs: flow.delete_after_secs,
  };
}

/**
 * The only step of a loop whose iterations may be that step's jobs instead of flow jobs around it, else null: a script
 * without any option that a flow is needed for, or that would show the difference.
 */
export function simpleStep(flow: FlowValue, loop: ModuleValue): (FlowModule & { value: Leaf }) | null {
  if (loop.type !== "forloopflow" && loop.type !== "whileloopflow") return null;
  const [step, ...others] = loop.modules;
  if (step === undefined || others.length > 0 || flow.failure_module != null || flow.early_return === step.id)
    return null;
  const { sleep, suspend, retry, cache_ttl, skip_if, stop_after_if, stop_after_all_iters_if, value } = step;
  if (value.type !== "rawscript" && value.type !== "script") return null;
  const options = [sleep, suspend, retry, cache_ttl, skip_if, stop_after_if, stop_after_all_iters_if];
  const isPlain =
    options.every((option) => option == null) && step.mock?.enabled !== true && step.continue_on_error !== true;
  return isPlain ? { ...step, value } : null;
}

export function isLeaf(value: { type: string }): value is Leaf {
  return value.type === "rawscript" || value.type === "script" || value.type === "flow";
}

export function handlerId(flow: FlowValue): string {
  return flow.failure_module?.id || "failure";
}

export function preprocessorId(flow: FlowValue): string {
  return flow.preprocessor_module?.id || "preprocessor";
}

function modulesOf(module: FlowModule, body: BodyAddress): FlowModule[] | undefined {
  const { value } = module;
  if (body.kind === "loop")
    return value.type === "forloopflow" || value.type === "whileloopflow" ? value.modules : undefined;
  if (value.type === "branchall") return value.branches[body.branch]?.modules;
  if (value.type !== "branchone") return undefined;
  return body.branch === -1 ? value.default : value.branches[body.branch]?.modules;
}

function placeOf(body: BodyAddress): number {
  return body.kind === "loop" ? body.iteration : body.branch;
}

function withId(module: FlowModule, index: number): FlowModule {
  return module.id ? module : { ...module, id: `step_${index}` };
}

function withWaitingStep(modules: FlowModule[]): FlowModule[] {
  const last = modules.at(-1);
  if (last === undefined || (last.sleep == null && last.suspend == null)) return modules;
  return [
    ...modules,
    {
      id: `${last.id}-v`,
      value: { type: "identity" },
      summary: "Virtual module needed for the wait behind the last step",
    },
  ];
}
