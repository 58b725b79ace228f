import type { runsOperations } from "@towermill/contract";
import type { Target } from "@towermill/runnable";
import type { FlowStarter } from "../flows/start.ts";
import { plainText } from "../http/answer.ts";
import type { Call, Handlers } from "../http/call.ts";
import { memberText } from "../http/verbatim.ts";
import { readArguments } from "../jobs/arguments.ts";
import { rerunJobs } from "../jobs/rerun.ts";
import { resultAnswer } from "../jobs/result-answer.ts";
import { createRunWays, type Prepared } from "../jobs/run-ways.ts";
import type { Starter } from "../jobs/start.ts";
import type { JobEvents } from "../jobs/events.ts";
import { keyedRun } from "../jobs/idempotency.ts";
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
  const prepare = async (call: Call<ByBody> | Call<Waiting>): Promise<Prepared> => {
    const { request, member, params, search, query, operation } = call;
    const target = "path" in params ? `script/${params.path}` : `script-version/${params.hash}`;
    const keyed = await keyedRun(services.db, { request, member, target });
    const reserved = (): string[] => Object.keys(operation.query.shape);
    const sent = await readArguments({ request, search, bodyLimit: services.bodyLimit, reserved, query });
    const options = keyed ? { ...query, job_id: keyed.id } : query;
    return { keyed, job: await starter.script(call, targetOf(params), { sent, options }) };
  };
  const ways = createRunWays<Call<ByBody>, Call<Waiting>>({ services, starter, jobEvents }, prepare);
  const { run, runAndWait, runAndStream } = ways;
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
