import { ownResult } from "@towermill/openflow";
import { sql, type Database } from "@towermill/store";
import type { DeployedFlows } from "./deployed.ts";
import { lookUpResult } from "./lookup.ts";
import { createTextCache } from "./memory.ts";
import { emptyPlan } from "./plan.ts";
import { createResults } from "./result.ts";
import { createRuns, loadStatus } from "./run.ts";

/**
 * The result of a step of a flow job as `results.<step>` shows it, JSON text. A step may be addressed inside loops and
 * branches as `b[12]/c`. `null` when the flow does not exist or the step has no result.
 */
export async function readResultOfStep(
  { db, deployed }: { db: Database; deployed: DeployedFlows },
  flowJob: string,
  step: string,
): Promise<string | null> {
  const runs = createRuns({ db, deployed });
  const results = createResults({ db, plan: emptyPlan(), recent: createTextCache(1_000_000) });
  const statusOf = async (id: string) => (await loadStatus(db, id))?.status;
  const [first = "", ...inner] = step.split("/");
  const match = /^(.*?)(?:\[(\d+)\])?$/.exec(first);
  const id = match?.[1] ?? first;
  const run = await runs.get(flowJob).catch(() => null);
  const status = await statusOf(flowJob);
  if (!run || !status) return null;
  if (match?.[2] === undefined && inner.length === 0) {
    const own = ownResult(status, id);
    return own ? results.read(run, own) : lookUpResult({ db, runs, results, statusOf }, run, id);
  }
  const child = await childOf(db, { flowJob, step: id, iteration: match?.[2] === undefined ? -1 : Number(match[2]) });
  if (child === null) return null;
  return inner.length === 0 ? results.ofJob(child) : readResultOfStep({ db, deployed }, child, inner.join("/"));
}

async function childOf(
  db: Database,
  { flowJob, step, iteration }: { flowJob: string; step: string; iteration: number },
): Promise<string | null> {
  const row = await db.maybe<{ job: string }>(sql`select job from flow_child
    where flow_job = ${flowJob} and step = ${step} and iteration = ${iteration} order by attempt desc limit 1`);
  return row?.job ?? null;
}
