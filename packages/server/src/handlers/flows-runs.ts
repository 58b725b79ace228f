import { ApiError, type flowsRunsOperations, type RestartedFrom } from "@towermill/contract";
import type { DeployedFlows, FlowTarget } from "@towermill/flow-driver";
import type { NewJob } from "@towermill/queue";
import { plainText } from "../http/answer.ts";
import type { Call, Handlers } from "../http/call.ts";
import { memberText } from "../http/verbatim.ts";
import { restartJob } from "../flows/restart.ts";
import type { FlowStarter } from "../flows/start.ts";
import { readArguments, withHeaders } from "../jobs/arguments.ts";
import { awaitJob } from "../jobs/await-job.ts";
import type { JobEvents } from "../jobs/events.ts";
import { keyedRun, startOnce, type KeyedRun } from "../jobs/idempotency.ts";
import { resultAnswer } from "../jobs/result-answer.ts";
import { requireShortQueue, type Starter } from "../jobs/start.ts";
import { streamUpdates } from "../jobs/stream.ts";
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
  const { db, bodyLimit } = services;
  const jobOf = async (call: Call<Run> | Call<Waiting>, keyed: KeyedRun | null): Promise<NewJob> => {
    const { request, search, query, operation } = call;
    const reserved = Object.keys(operation.query.shape);
    const sent = await readArguments({ request, search, bodyLimit, reserved, ...query });
    const options = keyed ? { ...query, job_id: keyed.id } : query;
    return flowStarter.deployed(call, targetOf(call.params), { sent, options });
  };
  const keyedOf = ({ request, member, params }: Call<Run> | Call<Waiting>): Promise<KeyedRun | null> =>
    keyedRun(db, { request, member, target: nameOf(targetOf(params)) });
  const run = async (call: Call<Run>): Promise<Response> => {
    const keyed = await keyedOf(call);
    const job = await jobOf(call, keyed);
    await startOnce(keyed, () => starter.start(job));
    return plainText(job.id, 201);
  };
  const runAndWait = async (call: Call<Waiting>): Promise<Response> => {
    await requireShortQueue(services, call.query.queue_limit);
    const keyed = await keyedOf(call);
    const job = await jobOf(call, keyed);
    if (keyed === null) return resultAnswer(await starter.startAndWait(job, call.signal));
    await startOnce(keyed, () => starter.start(job));
    return resultAnswer(await awaitJob(services, job.id, call.signal));
  };
  const runAndStream = async (call: Call<Waiting>): Promise<Response> => {
    await requireShortQueue(services, call.query.queue_limit);
    const keyed = await keyedOf(call);
    const job = await jobOf(call, keyed);
    await startOnce(keyed, () => starter.start(job));
    const options = {
      workspace: job.workspace,
      id: job.id,
      offsets: { log: 0, stream: 0 },
      logs: false,
      progress: false,
      onlyResult: true,
      fast: true,
      limitMs: services.streamLimitMs,
    };
    return streamUpdates({ db, jobEvents }, options, call.signal);
  };
  return {
    runFlowByPath: run,
    runFlowByVersion: run,
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
