import { ApiError, notFound, type Member, type RestartedFrom } from "@towermill/contract";
import { checkRestart, type DeployedFlows, type FlowRunRequest } from "@towermill/flow-driver";
import type { NewJob } from "@towermill/queue";
import type { RunOptions } from "@towermill/runnable";
import type { Caller } from "../identity/caller.ts";
import { scopesOf } from "../http/item.ts";
import { requireJob } from "../jobs/job-access.ts";
import { findJobDetails, type JobDetails } from "../jobs/job-row.ts";
import type { Services } from "../services.ts";
import { restartPath, type FlowStarter } from "./start.ts";

type Restart = NonNullable<FlowRunRequest["restart"]>;

interface Who {
  caller: Caller;
  member: Member;
}

/** What restarts need besides the services. */
export interface RestartContext {
  services: Services;
  flows: DeployedFlows;
}

/** A finished run that the caller may see. @throws ApiError */
async function finishedRun({ services }: RestartContext, who: Who, id: string): Promise<JobDetails> {
  const { workspace } = who.member;
  const row = await requireJob(services, who, { workspace, id, action: "read" });
  const isFlow = row.kind === "flow" || row.kind === "flowpreview";
  if (!isFlow) throw new ApiError("bad_request", `Job ${id} is of the kind ${row.kind}: only flows can be restarted`);
  if (row.status === null)
    throw new ApiError("bad_request", `The flow ${id} still runs: cancel it first, or wait for its end`);
  const details = await findJobDetails(services.db, workspace, id);
  if (!details) throw notFound("Job", id);
  return details;
}

/**
 * Where a new run takes up a finished one. @throws ApiError `bad_request` when it cannot
 */
export async function restartOf(
  context: RestartContext,
  who: Who,
  { from, flowVersion = null }: { from: RestartedFrom; flowVersion?: number | null },
): Promise<{ restart: Restart; run: JobDetails }> {
  const run = await finishedRun(context, who, from.flow_job_id ?? "");
  const path = restartPath(from);
  const { services, flows } = context;
  const scopes = scopesOf(who.caller);
  const version =
    flowVersion === null ? null : await flows.resolve({ scopes, member: who.member }, { version: flowVersion });
  const problem = await checkRestart(
    { db: services.db, deployed: flows },
    { job: run.id, path, ...(version ? { version } : {}) },
  );
  if (problem !== null) throw new ApiError("bad_request", problem);
  return { restart: { job: run.id, path, ...(flowVersion === null ? {} : { flowVersion }) }, run };
}

export interface RestartJob {
  who: Who;
  from: RestartedFrom;
  flowVersion: number | null;
  /** JSON text of an object; `null` = those of the run. */
  args: string | null;
  options: RunOptions;
}

/** The job that runs a finished flow again from a place. @throws ApiError */
export async function restartJob(
  context: RestartContext,
  flowStarter: FlowStarter,
  { who, from, flowVersion, args: given, options }: RestartJob,
): Promise<NewJob> {
  const { restart, run } = await restartOf(context, who, { from, flowVersion });
  if (run.flow_step_id !== null && run.script_hash === null) {
    throw new ApiError(
      "bad_request",
      `Job ${run.id} is a part of the flow ${run.root_job}: restart that, with nested_path`,
    );
  }
  const args = given ?? run.args ?? "{}";
  if (run.script_hash === null) {
    if (who.member.isOperator && !who.member.isAdmin) {
      throw new ApiError(
        "forbidden",
        `restartFlowAtStep: running a preview again requires the role developer in ${who.member.workspace}`,
      );
    }
    const value = run.raw_flow ?? "";
    const preview = { value, parsed: JSON.parse(value) as unknown, path: run.script_path, args, options, restart };
    return flowStarter.preview(who, preview);
  }
  const version = flowVersion ?? Number(run.script_hash);
  const sent = { args };
  return flowStarter.deployed(who, { version }, { sent, options: { ...options, skip_preprocessor: true }, restart });
}
