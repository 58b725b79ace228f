import { ApiError, type flowsRunsOperations, type RestartedFrom } from "@towermill/contract";
import type { DeployedFlows, FlowTarget } from "@towermill/flow-driver";
import { plainText } from "../http/answer.ts";
import type { Call, Handlers } from "../http/call.ts";
import { memberText } from "../http/verbatim.ts";
import { restartJob } from "../flows/restart.ts";
import type { FlowStarter } from "../flows/start.ts";
import { readArguments, withHeaders } from "../jobs/arguments.ts";
import type { JobEvents } from "../jobs/events.ts";
import { keyedRun } from "../jobs/idempotency.ts";
import { createRunWays, type Prepared } from "../jobs/run-ways.ts";
import type { Starter } from "../jobs/start.ts";
import type { Services } from "../services.ts";

type Operation = (typeof flowsRunsOperations)[number];
type Run = Extract<Operation, { id: "runFlowByPath" | "runFlowByVersion" }>;
type Waiting = Extract<Operation, { id: `runWaitResult${string}` | `runAndStream${string}` }>;
type Restart = Extract<Operation, { id: "restartFlowAtStep" }>;

export interface FlowRunHandlerOptions {
  starter: Starter;
  flowStarter: FlowStarter;
  jobEvents: JobEvents;
  flows: DeployedFlows;
}

function targetOf(params: { path: string } | { version: number }): FlowTarget {
  return "path" in params ? { path: params.path } : { version: params.version };
}

function nameOf(target: FlowTarget): string {
  return "path" in target ? `flow/${target.path}` : `flow-version/${target.version}`;
}

function restartedFrom({ params, body }: Call<Restart>): RestartedFrom {
  const targets = [body, ...(body.nested_path ?? [])];
  const path = targets.reduceRight<RestartedFrom | null>(
    (nested, { step_id, branch_or_iteration_n }) => ({ step_id, branch_or_iteration_n, nested }),
    null,
  );
  if (path === null) throw new ApiError("bad_request", "body.step_id: is required");
  return { ...path, flow_job_id: params.id };
}

/** Flows deployed in a workspace, started by path or by version. */
export function flowsRunsHandlers(
  services: Services,
  { starter, flowStarter, jobEvents, flows }: FlowRunHandlerOptions,
): Handlers<typeof flowsRunsOperations> {
  const prepare = async (call: Call<Run> | Call<Waiting>): Promise<Prepared> => {
    const { request, member, params, search, query, operation } = call;
    const target = targetOf(params);
    const keyed = await keyedRun(services.db, { request, member, target: nameOf(target) });
    const reserved = (): string[] => Object.keys(operation.query.shape);
    const sent = await readArguments({ request, search, bodyLimit: services.bodyLimit, reserved, query });
    const options = keyed ? { ...query, job_id: keyed.id } : query;
    return { keyed, job: await flowStarter.deployed(call, target, { sent, options }) };
  };
  const ways = createRunWays<Call<Run>, Call<Waiting>>({ services, starter, jobEvents }, prepare);
  const { run, runAndWait, runAndStream } = ways;
  return {
    runFlowByPath: async (call) => plainText(await run(call), 201),
    runFlowByVersion: async (call) => plainText(await run(call), 201),
    runWaitResultFlowByPath: runAndWait,
    runWaitResultFlowByPathGet: runAndWait,
    runWaitResultFlowByVersion: runAndWait,
    runWaitResultFlowByVersionGet: runAndWait,
    runAndStreamFlowByPath: runAndStream,
    runAndStreamFlowByPathGet: runAndStream,
    runAndStreamFlowByVersion: runAndStream,
    runAndStreamFlowByVersionGet: runAndStream,
    async restartFlowAtStep(call) {
      const sent = memberText(call.bodyText, "args");
      const args =
        sent === undefined || sent === "null" ? null : withHeaders(sent, call.request, call.query.include_header);
      const job = await restartJob({ services, flows }, flowStarter, {
        who: call,
        from: restartedFrom(call),
        flowVersion: call.body.flow_version ?? null,
        args,
        options: call.query,
      });
      await starter.start(job);
      return plainText(job.id, 201);
    },
  };
}
