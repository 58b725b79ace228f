import { ownResult, type FlowStatus, type ResultRef } from "@towermill/openflow";
import { named, sql, type Database } from "@towermill/store";
import { innermostRootOf } from "./place.ts";
import type { Results } from "./result.ts";
import type { FlowRun, Runs } from "./run.ts";

interface Lookup {
  db: Database;
  runs: Runs;
  results: Results;
  /** The status of a flow as this drive sees it. */
  statusOf(flowJob: string): Promise<FlowStatus | undefined>;
}

/** Bodies whose own steps are searched for a loop or branch that ended inside one of them. */
const mostBodies = 50;

/**
 * `results.<id>` as a flow sees it: its own steps, then those of the flows around it; then the newest job that ran under
 * that id inside branches and iterations of the innermost root; then the same from outside that root. `null` as text for
 * a step that did not run.
 */
export async function lookUpResult(lookup: Lookup, from: FlowRun, id: string): Promise<string> {
  const seen = new Set<string>();
  for (let run: FlowRun | null = from; run !== null && !seen.has(run.job.id); run = await parentOf(lookup, run)) {
    seen.add(run.job.id);
    const status = await lookup.statusOf(run.job.id);
    const own = status && ownResult(status, id);
    if (own) return lookup.results.read(run, own);
    const root = innermostRootOf(run.job);
    if (root !== run.job.id) continue;
    const inside = (await newestUnder(lookup, root, id)) ?? (await newestOfOriginal(lookup, status, id));
    if (inside) return inside;
  }
  // an iteration that is one job is its own root: its siblings are not searched, its flow is
  return "null";
}

async function parentOf({ runs }: Lookup, { job }: FlowRun): Promise<FlowRun | null> {
  const isOpen = job.options.flow?.kind === "body";
  return isOpen && job.parentJob !== null ? runs.get(job.parentJob) : null;
}

/** Newer jobs of a step that may not have ended yet. */
const mostOpen = 20;

async function newestUnder({ db, runs, results }: Lookup, root: string, id: string): Promise<string | null> {
  const planned = results.plannedUnder(root, id);
  if (planned !== undefined) return planned;
  const leaves = await db.query<{ job: string; over: boolean; result: string | null }>(
    named(
      "flow_leaf",
      sql`select c.job, d.id is not null as over, d.result from flow_child c left join job_done d on d.id = c.job
        where c.root = ${root} and c.leaf = ${id} and (c.iteration < 0 or c.leaf <> c.step)
        order by c.job desc limit ${mostOpen}`,
    ),
  );
  for (const { job, over, result } of leaves) {
    const known = over ? (result ?? "null") : results.ending(job);
    if (known !== undefined) return known;
  }
  const bodies = await db.query<{ id: string; status: string }>(
    named(
      "flow_leaf_bodies",
      sql`select f.id, f.status from flow_child c join job_flow f on f.id = c.job
        where c.root = ${root} and c.kind = 'body' order by c.job desc limit ${mostBodies}`,
    ),
  );
  for (const body of bodies) {
    const ref: ResultRef | null = body.status.includes(JSON.stringify(id))
      ? ownResult(JSON.parse(body.status) as FlowStatus, id)
      : null;
    if (ref) return results.read(await runs.get(body.id), ref);
  }
  return null;
}

/** A run that takes up another sees what ran inside the steps it kept. */
async function newestOfOriginal(lookup: Lookup, status: FlowStatus | undefined, id: string): Promise<string | null> {
  const original = status?.restarted_from?.flow_job_id;
  return original === undefined ? null : newestUnder(lookup, original, id);
}
