import { jsonMembers, jsonObject } from "@towermill/contract";
import type { IterRef, ResultRef } from "@towermill/openflow";
import { named, sql, type Database } from "@towermill/store";
import type { TextCache } from "./memory.ts";
import type { Plan } from "./plan.ts";
import type { FlowRun } from "./run.ts";

/** Reads results where references say they are: in this drive, in memory, in the database. */
export interface Results {
  /** JSON text. */
  read(run: FlowRun, ref: ResultRef): Promise<string>;
  ofJob(job: string): Promise<string>;
  /** The result of a job that ends in this drive; `child` where it is one of several of a step. */
  add(job: string, result: string, child?: EndedChild): void;
  /** The result of a job that ends in this drive, if it does. */
  ending(job: string): string | undefined;
  /** The newest result that this drive alone knows under a root and a step's id. */
  plannedUnder(root: string, leaf: string): string | undefined;
  /** Arguments of a flow, with what a loop adds: JSON text of an object. */
  args(run: FlowRun, iter: IterRef | null): Promise<string>;
}

export interface EndedChild {
  flowJob: string;
  step: string;
  attempt: number;
  iteration: number;
}

export interface ResultsOptions {
  db: Database;
  plan: Plan;
  /** Results of jobs that ended, by job; items of loops by `itemKey`. Neither ever changes. */
  recent: TextCache;
}

export function createResults({ db, plan, recent }: ResultsOptions): Results {
  const ended = new Map<string, string>();
  const endedChildren: (EndedChild & { job: string })[] = [];

  const ofJob = async (job: string): Promise<string> => {
    const known = ended.get(job) ?? recent.get(job);
    if (known !== undefined) return known;
    const row = await db.maybe<{ result: string | null }>(
      named("flow_result", sql`select result from job_done where id = ${job}`),
    );
    if (row) recent.set(job, row.result ?? "null");
    return row?.result ?? "null";
  };

  const ofChildren = async (flowJob: string, step: string, attempt: number): Promise<string> => {
    const results = new Map<number, string>();
    const collect = async (from: { job: string; attempt: number; below: number | null }): Promise<void> => {
      const rows = await db.query<{ iteration: number; result: string | null }>(
        named(
          "flow_children_results",
          sql`select c.iteration, d.result from flow_child c join job_done d on d.id = c.job
            where c.flow_job = ${from.job} and c.step = ${step} and c.attempt = ${from.attempt} and c.iteration >= 0
              and c.iteration < coalesce(${from.below}::int, 2147483647)`,
        ),
      );
      for (const row of rows) results.set(row.iteration, row.result ?? "null");
    };
    for (const adopted of plan.adopted) {
      if (adopted.flowJob !== flowJob || adopted.step !== step || adopted.to !== attempt) continue;
      await collect({ job: adopted.from, attempt: adopted.attempt, below: adopted.below });
    }
    await collect({ job: flowJob, attempt, below: null });
    for (const [iteration, job] of children(flowJob, step, attempt)) {
      const result = ended.get(job);
      if (result !== undefined) results.set(iteration, result);
    }
    return `[${[...results]
      .sort(([a], [b]) => a - b)
      .map(([, result]) => result)
      .join(",")}]`;
  };

  /** Children whose end is not written yet. */
  const children = (flowJob: string, step: string, attempt: number): (readonly [number, string])[] => {
    const isOf = (child: { flowJob: string; step: string; attempt: number }): boolean =>
      child.flowJob === flowJob && child.step === step && child.attempt === attempt;
    return [...plan.children, ...endedChildren]
      .filter(isOf)
      .flatMap(({ iteration, job }) => (iteration === null ? [] : [[iteration, job] as const]));
  };

  const item = async (run: FlowRun, iter: IterRef): Promise<string> => {
    if (iter.whileLoop) return String(iter.index);
    const { step, attempt, index } = iter;
    const planned = plan.items.find(
      (items) => items.flowJob === run.job.id && items.step === step && items.attempt === attempt,
    );
    const known = planned?.values[index] ?? recent.get(itemKey(run.job.id, iter));
    if (known !== undefined) return known;
    const row = await db.maybe<{ value: string }>(
      named(
        "flow_item",
        sql`select value from flow_item where flow_job = ${run.job.id} and step = ${step} and attempt = ${attempt} and index = ${index}`,
      ),
    );
    return row?.value ?? "null";
  };

  const args = async (run: FlowRun, iter: IterRef | null): Promise<string> =>
    iter === null ? run.job.args : addIter(run.job.args, `{"index":${iter.index},"value":${await item(run, iter)}}`);

  const read = async (run: FlowRun, ref: ResultRef): Promise<string> => {
    switch (ref.from) {
      case "args":
        return args(run, ref.iter);
      case "job":
        return ofJob(ref.job);
      case "children":
        return ofChildren(run.job.id, ref.step, ref.attempt);
      case "value":
        return JSON.stringify(ref.value ?? null);
      case "stopped": {
        const error = { name: "EarlyStopError", message: ref.message };
        if (ref.result === null) return JSON.stringify({ error });
        const members = Object.entries(error).map(([key, value]) => [key, JSON.stringify(value)] as const);
        return `{"error":${jsonObject([...members, ["result", await read(run, ref.result)]])}}`;
      }
    }
  };
  return {
    read,
    ofJob,
    args,
    ending: (job) => ended.get(job),
    plannedUnder(root, leaf) {
      const child = plan.children.findLast(
        ({ root: of, leaf: id, step, iteration, job }) =>
          of === root && id === leaf && (iteration === null || id !== step) && ended.has(job),
      );
      return child && ended.get(child.job);
    },
    add(job, result, child) {
      ended.set(job, result);
      if (child) endedChildren.push({ ...child, job });
    },
  };
}

export function itemKey(
  flowJob: string,
  { step, attempt, index }: Pick<IterRef, "step" | "attempt" | "index">,
): string {
  return `${flowJob} ${step} ${attempt} ${index}`;
}

/** `withIter` of openflow, on JSON texts: numbers and key order stay as they were written. */
export function addIter(args: string, iter: string): string {
  const members = jsonMembers(args);
  let displaced: string | undefined = iter;
  for (let key = "iter"; displaced !== undefined; key += "_parent") {
    const outer: string | undefined = members.get(key);
    members.set(key, displaced);
    displaced = outer;
  }
  return jsonObject(members);
}
