import { restartStatus, type RestartTarget } from "@towermill/openflow";
import type { Database } from "@towermill/store";
import type { DeployedFlows, FlowVersion } from "./deployed.ts";
import { createRuns, loadStatus } from "./run.ts";
import { readChildren } from "./status.ts";
import { readFlow } from "@towermill/openflow";

export interface RestartRequest {
  /** The finished run. */
  job: string;
  /** The step to run again, with the iteration or branch to go on from, and so on inwards. */
  path: readonly RestartTarget[];
  /** Another version to run from there on; absent = the run's own. */
  version?: FlowVersion;
}

/**
 * Says whether a finished run can be taken up at a place: `null`, or a sentence that says why not. The new run is
 * `newFlowJob({ …, restart: { job, path } })`.
 */
export async function checkRestart(
  { db, deployed }: { db: Database; deployed: DeployedFlows },
  { job, path, version }: RestartRequest,
): Promise<string | null> {
  const status = (await loadStatus(db, job))?.status;
  if (!status) return `The job ${job} is no flow that ran`;
  if (status.engine.phase !== "ended") return `The flow ${job} still runs: cancel it first, or wait for its end`;
  const flow = version ? readFlow(version.value) : (await createRuns({ db, deployed }).get(job)).flow;
  const begun = restartStatus({ flow, run: { job, status, children: await readChildren(db, job) }, path });
  return "problem" in begun ? begun.problem : null;
}
