import type { runsOperations } from "@towermill/contract";
import type { NewJob } from "@towermill/queue";
import type { Target } from "@towermill/runnable";
import type { FlowStarter } from "../flows/start.ts";
import { plainText } from "../http/answer.ts";
import type { Call, Handlers } from "../http/call.ts";
import { memberText } from "../http/verbatim.ts";
import { readArguments } from "../jobs/arguments.ts";
import { rerunJobs } from "../jobs/rerun.ts";
import { resultAnswer } from "../jobs/result-answer.ts";
import { requireShortQueue, type Starter } from "../jobs/start.ts";
import { awaitJob } from "../jobs/await-job.ts";
import type { JobEvents } from "../jobs/events.ts";
import { keyedRun, startOnce, type KeyedRun } from "../jobs/idempotency.ts";
import { streamUpdates } from "../jobs/stream.ts";
import type { Services } from "../services.ts";

type Operation = (typeof runsOperations)[number];
type ByBody = Extract<Operation, { id: "runScriptByPath" | "runScriptByHash" }>;
type Waiting = Extract<Operation, { id: `runWaitResult${string}` | `runAndStream${string}` }>;
type Inline = Extract<Operation, { id: `${string}Inline` }>;

export interface RunHandlerOptions {
  starter: Starter;
  flowStarter: FlowStarter;
  jobEvents: JobEvents;
}

function targetOf(params: { path: string } | { hash: string }): Target {
  return "path" in params ? { path: params.path } : { hash: params.hash };
}

/** Scripts deployed in a workspace, started by path or by hash. */
export function runsHandlers(
  services: Services,
  { starter, flowStarter, jobEvents }: RunHandlerOptions,
): Handlers<typeof runsOperations> {
  const keyedOf = ({ request, member, params }: Call<ByBody> | Call<Waiting>): Promise<KeyedRun | null> => {
    const target = "path" in params ? `script/${params.path}` : `script-version/${params.hash}`;
    return keyedRun(services.db, { request, member, target });
  };
  const jobOf = async (call: Call<ByBody> | Call<Waiting>, keyed: KeyedRun | null): Promise<NewJob> => {
    const { request, search, query, operation } = call;
    const reserved = Object.keys(operation.query.shape);
    const sent = await readArguments({ request, search, bodyLimit: services.bodyLimit, reserved, ...query });
    const options = keyed ? { ...query, job_id: keyed.id } : query;
    return starter.script(call, targetOf(call.params), { sent, options });
  };
  const run = async (call: Call<ByBody>): Promise<string> => {
    const keyed = await keyedOf(call);
    const job = await jobOf(call, keyed);
    await startOnce(keyed, () => starter.start(job));
    return job.id;
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
    return streamUpdates({ db: services.db, jobEvents }, options, call.signal);
  };
  const runInline = async (call: Call<Inline>): Promise<Response> => {
    const text = call.bodyText.trim() === "" ? undefined : memberText(call.bodyText, "args");
    const args = text === undefined || text === "null" ? "{}" : text;
    const job = await starter.script(call, targetOf(call.params), { sent: { args }, options: {} });
    return resultAnswer(await starter.startAndWait(job, call.signal));
  };
  return {
    runScriptByPath: async (call) => plainText(await run(call), 201),
    runScriptByHash: async (call) => plainText(await run(call), 201),
    runWaitResultScriptByPath: runAndWait,
    runWaitResultScriptByPathGet: runAndWait,
    runWaitResultScriptByHash: runAndWait,
    runWaitResultScriptByHashGet: runAndWait,
    runAndStreamScriptByPath: runAndStream,
    runAndStreamScriptByPathGet: runAndStream,
    runAndStreamScriptByHash: runAndStream,
    runAndStreamScriptByHashGet: runAndStream,
    runScriptByPathInline: runInline,
    runScriptByHashInline: runInline,
    batchReRunJobs: async (call) => rerunJobs(services, { starter, flowStarter }, call),
  };
}
