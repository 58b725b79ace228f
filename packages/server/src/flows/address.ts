import { modulesIn, type FlowModule, type FlowValue } from "@towermill/openflow";
import type { TreeJob } from "./tree.ts";

/** A job of a tree with how it is called. */
export interface Placed {
  job: TreeJob;
  /** `b[12]/c`; `null` = the root. */
  address: string | null;
  label: string;
  parentType: string | null;
  siblingIndex: number;
  siblingCount: number;
}

function modulesById(values: ReadonlyMap<string, FlowValue | null>): Map<string, Map<string, FlowModule>> {
  const found = new Map<string, Map<string, FlowModule>>();
  for (const [job, value] of values) {
    found.set(job, new Map((value ? modulesIn(value) : []).map((module) => [module.id, module])));
  }
  return found;
}

/**
 * Says of each job of a tree where it is: address, label and place among its siblings.
 * @param values the values of the flow jobs in it, as far as they are known
 */
export function placed(jobs: readonly TreeJob[], values: ReadonlyMap<string, FlowValue | null>): Placed[] {
  const modules = modulesById(values);
  const addresses = new Map<string, string | null>();
  const groups = new Map<string, TreeJob[]>();
  const groupOf = ({ parent, step, attempt, iteration }: TreeJob): string =>
    iteration === null ? `${parent}` : `${parent} ${step} ${attempt}`;
  for (const job of jobs) {
    const group = groups.get(groupOf(job));
    if (group) group.push(job);
    else groups.set(groupOf(job), [job]);
  }
  return jobs.map((job) => {
    const { parent, step, leaf, iteration } = job;
    if (parent === null || step === null) {
      addresses.set(job.id, null);
      return { job, address: null, label: "Flow", parentType: null, siblingIndex: 0, siblingCount: 1 };
    }
    const outer = addresses.get(parent) ?? null;
    const own = iteration === null ? step : `${step}[${iteration}]${leaf !== null && leaf !== step ? `/${leaf}` : ""}`;
    const address = outer === null ? own : `${outer}/${own}`;
    addresses.set(job.id, address);
    const siblings = groups.get(groupOf(job)) ?? [];
    const module = modules.get(parent)?.get(step);
    const name = module?.summary ? `${step}: ${module.summary}` : step;
    return {
      job,
      address,
      label: iteration === null ? name : `${name} [${iteration}]`,
      parentType: iteration === null ? null : (module?.value.type ?? null),
      siblingIndex: siblings.indexOf(job),
      siblingCount: siblings.length,
    };
  });
}
