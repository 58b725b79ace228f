import { ApiError, isLanguage } from "@towermill/contract";
import { tagOfStep, type FlowModule, type Payload, type PushEffect } from "@towermill/openflow";
import { resultCacheKey, type FlowPlace, type JobOptions, type NewJob } from "@towermill/queue";
import {
  behalfOf,
  fillIn,
  loadMember,
  scriptJob,
  tagFor,
  type Members,
  type Runnables,
  type Runner,
  type TagRules,
} from "@towermill/runnable";
import { sql, type Database } from "@towermill/store";
import type { DeployedFlows } from "./deployed.ts";
import { newFlowJob } from "./flow-job.ts";
import { flowPathOf, innermostRootOf, rootOf } from "./place.ts";
import type { FlowRun } from "./run.ts";

export interface StepJobContext {
  db: Database;
  runnables: Runnables;
  deployed: DeployedFlows;
  rules(): Promise<TagRules>;
}

export interface StepRequest {
  run: FlowRun;
  effect: PushEffect;
  /** JSON text of the child's arguments; of an identity its result. */
  args: string;
  /** Seconds that the module says, null = the runnable's own. */
  timeoutSeconds: number | null;
  /** Fills `$flow_expr[…]` of a tag. */
  fillTag(template: string): Promise<string>;
}

/** Where the child of an effect stands. */
export function placeOf(run: FlowRun, { child, payload, ownRoot, sameWorker }: PushEffect): FlowPlace {
  const shared = sameWorker || run.job.options.flow?.shared === true;
  const place: FlowPlace = {
    step: child.step,
    iteration: child.iteration,
    attempt: child.attempt,
    kind: payload.kind,
    root: ownRoot ? child.job : innermostRootOf(run.job),
    path: flowPathOf(run.job),
  };
  if (payload.kind === "code" && run.version !== null) place.version = run.version;
  if (shared) place.shared = shared;
  if (payload.kind === "body") place.body = payload.body;
  return place;
}

/** The id under which `results` shows what a child gives. */
export function leafOf({ child, payload }: PushEffect): string {
  return "module" in payload ? payload.module.id : child.step;
}

/** What every child of a flow has, whatever it runs. */
export function baseOfStep({
  run,
  effect,
  args,
}: Pick<StepRequest, "run" | "effect" | "args">): Omit<NewJob, "kind" | "tag"> {
  const { job } = run;
  const { child, deleteAfterSeconds } = effect;
  const options: JobOptions = { flow: placeOf(run, effect) };
  if (job.options.temporaryScripts) options.temporaryScripts = job.options.temporaryScripts;
  if (deleteAfterSeconds !== null) options.wipeAfterFlowSeconds = deleteAfterSeconds;
  return {
    id: child.job,
    workspace: job.workspace,
    createdBy: job.createdBy,
    permissionedAs: job.permissionedAs,
    member: job.member,
    args,
    parentJob: job.id,
    rootJob: rootOf(job),
    flowStepId: leafOf(effect),
    priority: effect.priority,
    visibleToOwner: job.visibleToOwner,
    scheduledFor: effect.scheduledFor === null ? null : new Date(effect.scheduledFor),
    options,
  };
}

/**
 * The job of a step, iteration or branch.
 * @throws ApiError when what the step names does not exist, may not be run, or its tag cannot be told
 */
export async function stepJob(ctx: StepJobContext, request: StepRequest): Promise<NewJob> {
  const { payload } = request.effect;
  switch (payload.kind) {
    case "code":
      return codeJob(ctx, request, payload);
    case "script":
      return deployedScriptJob(ctx, request, payload);
    case "flow":
      return deployedFlowJob(ctx, request, payload);
    case "body": {
      const base = baseOfStep(request);
      const { job } = request.run;
      const restart = payload.restart && { restart: { job: payload.restart.job, path: payload.restart.path } };
      const path = `${job.path ?? ""}/${payload.name}`;
      return { ...base, kind: "flowpreview", path, tag: job.tag, options: { ...base.options, ...restart } };
    }
    case "identity":
      return { ...baseOfStep(request), kind: "identity", tag: request.run.job.tag };
  }
}

async function tagOf(request: StepRequest, module: FlowModule, preprocessor: boolean): Promise<string | null> {
  const { job, flow } = request.run;
  const template = tagOfStep(flow, { module, flowTag: job.tag, workspace: job.workspace, preprocessor });
  if (template === null || !template.includes("$flow_expr[")) return template;
  return request.fillTag(template);
}

async function codeJob(
  ctx: StepJobContext,
  request: StepRequest,
  { module, value, preprocessor }: Extract<Payload, { kind: "code" }>,
): Promise<NewJob> {
  const { job } = request.run;
  const base = baseOfStep(request);
  if (!isLanguage(value.language)) {
    throw new ApiError("unknown_language", `Step ${module.id}: ${value.language} is not a language`);
  }
  const path = value.path || `${job.path ?? ""}/${module.id}`;
  const chosen = await tagOf(request, module, preprocessor);
  const { args } = base;
  const tag = tagFor(
    { chosen, kind: "flowscript", language: value.language, path, args },
    runnerOf(request),
    await ctx.rules(),
  );
  // one literal: an object that is spread and added to costs more than the rest of making a job
  return withModule(request, {
    id: base.id,
    workspace: base.workspace,
    createdBy: base.createdBy,
    permissionedAs: base.permissionedAs,
    member: base.member,
    args,
    parentJob: base.parentJob ?? null,
    rootJob: base.rootJob ?? null,
    flowStepId: base.flowStepId ?? null,
    priority: base.priority ?? null,
    visibleToOwner: base.visibleToOwner ?? true,
    scheduledFor: base.scheduledFor ?? null,
    options: base.options ?? {},
    timeoutSeconds: null,
    kind: "flowscript",
    path,
    language: value.language,
    rawCode: value.content,
    rawLock: value.lock ?? null,
    tag,
    entrypoint: preprocessor ? "preprocessor" : null,
    concurrency: value.concurrent_limit
      ? {
          key: value.custom_concurrency_key
            ? fillIn(value.custom_concurrency_key, { workspace: job.workspace, args })
            : `${job.workspace}/script/${path}`,
          limit: value.concurrent_limit,
          windowSeconds: value.concurrency_time_window_s ?? 0,
        }
      : null,
  });
}

async function deployedScriptJob(
  ctx: StepJobContext,
  request: StepRequest,
  { module, value, preprocessor }: Extract<Payload, { kind: "script" }>,
): Promise<NewJob> {
  const base = baseOfStep(request);
  const runner = runnerOf(request);
  refuseHub(module.id, value.path);
  const who = { scopes: null, member: runner.member };
  const version = await ctx.runnables.resolve(who, value.hash ? { hash: value.hash } : { path: value.path });
  const behalf = await behalfOf({ db: ctx.db, members: membersOf(ctx) }, base.workspace, version.options);
  const chosen = await tagOf(request, module, preprocessor);
  const script = scriptJob(
    { version, args: base.args ?? "{}", options: { job_id: base.id, ...(chosen && { tag: chosen }) } },
    behalf ? { ...runner, ...behalf } : runner,
    await ctx.rules(),
  );
  return withModule(request, {
    ...script,
    ...base,
    member: script.member,
    permissionedAs: script.permissionedAs,
    priority: base.priority ?? script.priority ?? null,
    entrypoint: preprocessor ? "preprocessor" : (script.entrypoint ?? null),
    ...(value.hash ? {} : await temporaryCode(ctx, base, value.path)),
    visibleToOwner: base.visibleToOwner !== false && script.visibleToOwner !== false,
    options: { ...script.options, ...base.options },
  });
}

/** Code that was stored for a preview stands in for what is deployed at its path; its dependencies are resolved when it runs. */
async function temporaryCode(
  { db }: StepJobContext,
  { workspace, options }: Pick<NewJob, "workspace" | "options">,
  path: string,
): Promise<Pick<NewJob, "hash" | "rawCode" | "rawLock">> {
  const hash = options?.temporaryScripts?.[path];
  if (hash === undefined) return {};
  const stored = await db.maybe<{ content: string }>(
    sql`select content from raw_script_temp where workspace_id = ${workspace} and hash = ${hash}`,
  );
  if (!stored)
    throw new ApiError("not_found", `The code of ${path} that was stored for this preview does not exist any more`);
  return { hash: null, rawCode: stored.content, rawLock: null };
}

function refuseHub(step: string, path: string): void {
  if (!path.startsWith("hub/")) return;
  throw new ApiError(
    "not_found",
    `Step ${step}: ${path} is a script of Windmill's hub, which is not part of Towermill; deploy a copy in the workspace and name its path`,
  );
}

async function deployedFlowJob(
  ctx: StepJobContext,
  request: StepRequest,
  { module, value, restart }: Extract<Payload, { kind: "flow" }>,
): Promise<NewJob> {
  const base = baseOfStep(request);
  const runner = runnerOf(request);
  refuseHub(module.id, value.path);
  const target = value.version == null ? { path: value.path } : { version: value.version };
  const flow = await ctx.deployed.resolve({ scopes: null, member: runner.member }, target);
  const behalf = await behalfOf({ db: ctx.db, members: membersOf(ctx) }, base.workspace, flow.options);
  const chosen = await tagOf(request, module, false);
  const job = newFlowJob(
    {
      flow,
      args: base.args ?? "{}",
      options: { job_id: base.id, ...(chosen && { tag: chosen }) },
      ...(restart && { restart: { job: restart.job, path: restart.path } }),
    },
    behalf ? { ...runner, ...behalf } : runner,
    await ctx.rules(),
  );
  return withModule(request, {
    ...job,
    ...base,
    debounce: null,
    member: job.member,
    permissionedAs: job.permissionedAs,
    priority: base.priority ?? job.priority ?? null,
    options: { ...job.options, ...base.options },
  });
}

/** Adds to a new job what its module says beside the runnable: it wins. */
function withModule({ effect, timeoutSeconds }: StepRequest, job: NewJob): NewJob {
  const cacheTtl = effect.cacheTtlSeconds;
  const options = job.options ?? {};
  // later steps read this one's result: what it says itself about wiping counts from the end of the flow
  if (options.deleteAfterSeconds !== undefined) {
    options.wipeAfterFlowSeconds ??= options.deleteAfterSeconds;
    delete options.deleteAfterSeconds;
  }
  job.options = options;
  job.timeoutSeconds = timeoutSeconds ?? job.timeoutSeconds ?? null;
  if (cacheTtl !== null) {
    const runnable = job.hash ?? job.rawCode ?? job.path ?? "";
    job.cacheTtlSeconds = cacheTtl;
    options.cacheKey = resultCacheKey(job.workspace, `step/${runnable}`, job.args).toString("hex");
  }
  return job;
}

/** Tags that no worker serves at the moment are fine: a flow must not fail because workers are being restarted. */
function runnerOf({ run: { job } }: StepRequest): Runner {
  return {
    requester: { scopes: null, triggerKind: null, tags: "unserved" },
    member: job.member,
    permissionedAs: job.permissionedAs,
    startedBy: { username: job.createdBy },
  };
}

function membersOf({ db }: StepJobContext): Members {
  return { memberOf: (email, workspace) => loadMember(db, email, workspace) };
}
