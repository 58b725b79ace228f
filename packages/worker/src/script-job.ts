import { createHash } from "node:crypto";
import { jsonMembers, jsonObject, type Language } from "@towermill/contract";
import { pinnedDatabase, type RunIo, type RunRequest, type ScriptSource } from "@towermill/runtimes";
import { InterpolationError, interpolateArguments, mayHoldReference } from "@towermill/vault";
import { workspaceScripts } from "./code.ts";
import { sharedKeyOf } from "./flow-shared.ts";
import { jobEnvironment, scriptEnvironment } from "./environment.ts";
import { createMask } from "./mask.ts";
import { endingOf, errorResult } from "./outcome.ts";
import type { JobEnd, RunningJob, WorkerContext } from "./running-job.ts";
import { pendingOf } from "./slots.ts";

interface Source {
  script: ScriptSource;
  language: Language;
}

const setupFailure = (name: string, message: string): JobEnd => ({
  status: "failure",
  result: errorResult({ name, message }),
});

/** The code a job runs: what it carries itself (a preview), or the deployed version it names. */
async function sourceOf(ctx: WorkerContext, { job }: RunningJob): Promise<Source | null> {
  if (job.rawCode !== null && job.language !== null) {
    const path = job.path ?? `u/${job.member.username}/preview`;
    return { script: inlineSource(path, job.rawCode, job.rawLock), language: job.language };
  }
  if (job.hash === null) return null;
  const version = await ctx.code.version(job.workspace, job.hash);
  return version && { script: version, language: version.language };
}

const inlineSources = new Map<string, ScriptSource>();
const mostInlineSources = 500;

/** Code that jobs carry themselves, by its text: the steps of a flow bring the same again and again, and what is known of it is kept by the object. */
function inlineSource(path: string, content: string, lock: string | null): ScriptSource {
  const known = inlineSources.get(content);
  if (known?.path === path && known.lock === lock) return known;
  const made = { path, content, lock };
  inlineSources.delete(content);
  inlineSources.set(content, made);
  const oldest = inlineSources.keys().next();
  if (inlineSources.size > mostInlineSources && oldest.done !== true) inlineSources.delete(oldest.value);
  return made;
}

function timeoutMs(ctx: WorkerContext, { job }: RunningJob): number {
  return Math.min(job.timeoutSeconds ?? ctx.maximumTimeoutSeconds, ctx.maximumTimeoutSeconds) * 1000;
}

/** A script says in its leading comments that it wants a process of its own. */
function asksForFresh(content: string): boolean {
  return /^(?:\s*(?:\/\/|#)[^\n]*\n)*?\s*(?:\/\/|#)\s*fresh\s*$/m.test(content.slice(0, 2000));
}

/** What the worker group and the workspace add to the environment of every job. */
interface StandingEnvironment {
  variables: Record<string, string>;
  isEmpty: boolean;
  hash: string;
}

const standing = new WeakMap<object, WeakMap<object, StandingEnvironment>>();

/** Both come as the same object while they last: they are put together once. */
function standingEnvironment(group: Record<string, string>, workspace: Record<string, string>): StandingEnvironment {
  const ofGroup = standing.get(group) ?? new WeakMap<object, StandingEnvironment>();
  standing.set(group, ofGroup);
  const known = ofGroup.get(workspace);
  if (known) return known;
  const variables = { ...group, ...workspace };
  const entries = Object.entries(variables).sort();
  const hash = createHash("sha256").update(JSON.stringify(entries)).digest("hex");
  const made = { variables, isEmpty: entries.length === 0, hash };
  ofGroup.set(workspace, made);
  return made;
}

/** A SQL script that names its database (`-- database u/x/pg`) runs on that one, whatever the arguments say. */
function withPinnedDatabase({ language, script }: Source, args: string): string {
  const pinned = language === "postgresql" ? pinnedDatabase(script.content) : null;
  if (pinned === null) return args;
  const reference = /^\$|:\/\//.test(pinned) ? pinned : `$res:${pinned}`;
  return jsonObject(jsonMembers(args).set("database", JSON.stringify(reference)));
}

async function requestFor(
  ctx: WorkerContext,
  running: RunningJob,
  { source, onSecret }: { source: Source; onSecret(secret: string): void },
): Promise<RunRequest> {
  const { job } = running;
  const workspaceEnvironment = await ctx.workspaceEnvironment(job.workspace);
  const around = standingEnvironment(ctx.groupEnvironment, workspaceEnvironment);
  const own = jobEnvironment(job, ctx.environment);
  const resolved = async (given: string): Promise<string> => {
    // no secret is read for a job that is not there
    await running.isWritten;
    const contextual = { ...workspaceEnvironment, ...own };
    const { vault } = ctx;
    const who = { member: job.member, jobId: job.id, rootJob: job.rootJob ?? job.id };
    return interpolateArguments({ vault, ...who, contextual, onSecret }, given);
  };
  const given = withPinnedDatabase(source, job.args ?? "{}");
  const args = mayHoldReference(given) ? await resolved(given) : given;
  return {
    jobId: job.id,
    attempt: job.attempt,
    language: source.language,
    domain: {
      workspace: job.workspace,
      permissionedAs: job.permissionedAs,
      environment: around.hash,
      ...(job.options.flow?.version !== undefined && { flowVersion: job.options.flow.version }),
    },
    script: source.script,
    workspaceScripts: workspaceScripts(ctx.code, { ...job, temporary: job.options.temporaryScripts }),
    entrypoint: job.entrypoint ?? "main",
    preprocess: job.options.preprocess ?? false,
    args,
    env:
      around.isEmpty && !job.options.envs
        ? own
        : { ...around.variables, ...scriptEnvironment(job.options.envs), ...own },
    timeoutMs: timeoutMs(ctx, running),
    shared: sharedKeyOf(job),
    mayRun: pendingOf(running.isWritten),
    memoryLimitMb: ctx.memoryLimitMb,
    fresh:
      ctx.alwaysFresh || job.options.fresh === true || job.kind === "preview" || asksForFresh(source.script.content),
  };
}

/** Runs the code of a script or preview job. */
export async function runScriptJob(ctx: WorkerContext, running: RunningJob): Promise<JobEnd> {
  const { job, log, signal } = running;
  const source = await sourceOf(ctx, running);
  if (!source)
    return setupFailure("NotFound", `The script version ${job.hash ?? ""} of this job does not exist any more`);
  if (job.rawCode === null && source.script.lock === null) {
    ctx.log.info(
      { job: job.id, path: source.script.path },
      "a version without its lock runs: dependencies are resolved now",
    );
  }
  const mask = createMask((text) => log.write(text));
  const forget = ctx.secretReads.watch(job.id, (secrets) => mask.await(secrets));
  const io: RunIo = { log: (text) => mask.write(text), stream: (text) => log.stream(text) };
  try {
    const request = await requestFor(ctx, running, { source, onSecret: (secret) => mask.add(secret) });
    const outcome = await ctx.executor.run(request, io, signal);
    await mask.end();
    const seen = outcome.status === "success" ? outcome : { ...outcome, error: mask.hide(outcome.error) };
    const { status, result, labels = null } = endingOf(seen, log.streamed());
    return {
      status,
      result,
      labels,
      memPeakKb: outcome.memPeakKb || null,
      runner: outcome.runner,
      startMs: outcome.startMs,
      preprocessed: outcome.status === "success" && outcome.preprocessedArgs !== undefined,
      deleteAfterSeconds: job.options.deleteAfterSeconds ?? null,
    };
  } catch (error) {
    await mask.end();
    if (error instanceof InterpolationError) return setupFailure("ExecutionErr", error.message);
    throw error;
  } finally {
    forget();
  }
}
