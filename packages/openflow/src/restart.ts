import { initialStatus } from "./initial-status.ts";
import type { FlowModule, FlowValue } from "./flow-value.ts";
import type { ChildRow } from "./public-status.ts";
import type { FlowStatus, ModuleStatus, RestartPlan, RestartTarget, Settled } from "./status.ts";

export interface FinishedRun {
  job: string;
  status: FlowStatus;
  /** The run's children; only the loop or branchall that is gone into needs them. */
  children: readonly ChildRow[];
}

export interface Restart {
  /** The flow to run now: the finished run's, or another version. As `readFlow` or `bodyFlow` gave it. */
  flow: FlowValue;
  run: FinishedRun;
  /** The step, with the iteration or branch to go on from, and so on inwards. */
  path: readonly RestartTarget[];
  flowVersion?: number;
}

/**
 * The status with which a finished run is taken up again from a step, an iteration or a branch: what came before is kept
 * with the jobs of that run, the rest runs anew. `advance` with `start` does the rest.
 */
export function restartStatus({ flow, run, path, flowVersion }: Restart): { status: FlowStatus } | { problem: string } {
  const [target, ...inner] = path;
  if (target === undefined) return { problem: "Name the step to restart from" };
  const index = flow.modules.findIndex(({ id }) => id === target.step_id);
  const module = flow.modules[index];
  if (module === undefined) return { problem: `Step ${target.step_id} could not be found in the flow` };
  const kept = keptModules(flow.modules.slice(0, index), run.status);
  if ("problem" in kept) return kept;
  const plan = planOf({ module, index, target, inner, run });
  if ("problem" in plan) return plan;
  const n = target.branch_or_iteration_n;
  const status = initialStatus(flow);
  return {
    status: {
      ...status,
      step: index,
      modules: [...kept.modules, ...status.modules.slice(index)],
      restarted_from: {
        flow_job_id: run.job,
        step_id: target.step_id,
        ...(n != null && { branch_or_iteration_n: n }),
        ...(flowVersion !== undefined && { flow_version: flowVersion }),
      },
      engine: { ...status.engine, restart: { ...plan, adopt: [...adoptedOf(kept.modules), ...plan.adopt] } },
    },
  };
}

function keptModules(modules: FlowModule[], old: FlowStatus): { modules: Settled[] } | { problem: string } {
  const kept: Settled[] = [];
  for (const { id, continue_on_error } of modules) {
    const status = old.modules.find((candidate) => candidate.id === id);
    const isOver = status?.type === "Success" || (status?.type === "Failure" && continue_on_error === true);
    if (!isOver)
      return { problem: `The flow cannot be restarted from a non successful module: step ${id} comes before` };
    kept.push(status);
  }
  return { modules: kept };
}

/** The children of steps that are kept keep their attempt: that is how their results are found. */
function adoptedOf(modules: Settled[]): RestartPlan["adopt"] {
  return modules.flatMap(({ id, attempt, children }) =>
    children === undefined ? [] : [{ step: id, attempt, to: attempt, below: null }],
  );
}

interface Place {
  module: FlowModule;
  index: number;
  target: RestartTarget;
  inner: RestartTarget[];
  run: FinishedRun;
}

function planOf({ module, index, target, inner, run }: Place): RestartPlan | { problem: string } {
  const { id, value } = module;
  const old = run.status.modules.find((candidate) => candidate.id === id);
  const plan: RestartPlan = { from: run.job, step: index, iteration: 0, adopt: [] };
  const isContainer = value.type === "forloopflow" || value.type === "whileloopflow" || value.type === "branchall";
  const n = target.branch_or_iteration_n ?? 0;
  if (!isContainer)
    return n === 0 ? nestedPlan(plan, { module, old, inner, run }) : { problem: `Step ${id} has no iterations` };
  if (n === 0 && inner.length === 0) return plan;
  if (isParallel(module)) return { problem: `Step ${id} is parallel: it can only be restarted as a whole` };
  const tried = triedOf(old);
  if (tried === null || (tried.children ?? 0) < n)
    return { problem: `Step ${id} has no iteration or branch ${n} in the run to restart` };
  const adopt = n > 0 ? [{ step: id, attempt: tried.attempt, to: 0, below: n }] : [];
  return nestedPlan({ ...plan, iteration: n, adopt }, { module, old, inner, run });
}

function nestedPlan(
  plan: RestartPlan,
  {
    module,
    old,
    inner,
    run,
  }: { module: FlowModule; old: ModuleStatus | undefined; inner: RestartTarget[]; run: FinishedRun },
): RestartPlan | { problem: string } {
  if (inner.length === 0) return plan;
  const { id, value } = module;
  const tried = triedOf(old);
  if (tried === null) return { problem: `Step ${id} did not run: there is nothing to restart inside it` };
  switch (value.type) {
    case "flow":
      return { ...plan, nested: { job: tried.job, path: inner } };
    case "branchone": {
      const chosen = tried.branch_chosen;
      const branch = chosen?.type === "branch" ? chosen.branch : -1;
      return { ...plan, branch, nested: { job: tried.job, path: inner } };
    }
    case "forloopflow":
    case "whileloopflow":
    case "branchall": {
      const child = run.children.find(
        ({ step, iteration, attempt }) => step === id && iteration === plan.iteration && attempt === tried.attempt,
      );
      if (child === undefined)
        return { problem: `Step ${id} has no iteration or branch ${plan.iteration} in the run to restart` };
      return { ...plan, nested: { job: child.job, path: inner } };
    }
    default:
      return { problem: `Step ${id} has no steps inside` };
  }
}

function triedOf(
  status: ModuleStatus | undefined,
): Exclude<ModuleStatus, { type: `WaitingFor${"PriorSteps" | "Events"}` }> | null {
  return status === undefined || status.type === "WaitingForPriorSteps" || status.type === "WaitingForEvents"
    ? null
    : status;
}

function isParallel({ value }: FlowModule): boolean {
  return (
    (value.type === "forloopflow" && value.parallel === true) ||
    (value.type === "branchall" && value.parallel !== false)
  );
}
