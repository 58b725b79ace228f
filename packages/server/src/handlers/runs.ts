import type { runsOperations } from "@towermill/contract";
import type { NewJob } from "@towermill/queue";
import type { Target } from "@towermill/runnable";
import { plainText } from "../http/answer.ts";
import type { Call, Handlers } from "../http/call.ts";
import { memberText } from "../http/verbatim.ts";
import { readArguments } from "../jobs/arguments.ts";
import { rerunJobs } from "../jobs/rerun.ts";
import { resultAnswer } from "../jobs/result-answer.ts";
import { requireShortQueue, type Starter } from "../jobs/start.ts";
import type { JobEvents } from "../jobs/events.ts";
import { streamUpdates } from "../jobs/stream.ts";
import type { Services } from "../services.ts";

type Operation = (typeof runsOperations)[number];
type ByBody = Extract<Operation, { id: "runScriptByPath" | "runScriptByHash" }>;
type Waiting = Extract<Operation, { id: `runWaitResult${string}` | `runAndStream${string}` }>;
type Inline = Extract<Operation, { id: `${string}Inline` }>;

export interface RunHandlerOptions {
  starter: Starter;
  jobEvents: JobEvents;
}

function targetOf(params: { path: string } | { hash: string }): Target {
  return "path" in params ? { path: params.path } : { hash: params.hash };
}

/** Scripts deployed in a workspace, started by path or by hash. */
export function runsHandlers(
  services: Services,
  { starter, jobEvents }: RunHandlerOptions,
): Handlers<typeof runsOperations> {
  const jobOf = async (call: Call<ByBody> | Call<Waiting>): Promise<NewJob> => {
    const { request, search, query, operation } = call;
    const reserved = Object.keys(operation.query.shape);
    const sent = await readArguments({ request, search, bodyLimit: services.bodyLimit, reserved, ...query });
    return starter.script(call, targetOf(call.params), { sent, options: query });
  };
  const run = async (call: Call<ByBody>): Promise<string> => {
    const job = await jobOf(call);
    await starter.start(job);
    return job.id;
  };
  const runAndWait = async (call: Call<Waiting>): Promise<Response> => {
    await requireShortQueue(services, call.query.queue_limit);
    return resultAnswer(await starter.startAndWait(await jobOf(call), call.signal));
  };
  const runAndStream = async (call: Call<Waiting>): Promise<Response> => {
    await requireShortQueue(services, call.query.queue_limit);
    const job = await jobOf(call);
    await starter.start(job);
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
    batchReRunJobs: async (call) => rerunJobs(services, starter, call),
  };
}
