import { ApiError, type Language, type Member } from "@towermill/contract";
import { newJobId, resultCacheKey, type JobKind, type JobOptions, type NewJob } from "@towermill/queue";
import type { Runner } from "./requester.ts";
import type { ScriptOptions, ScriptVersion } from "./script-version.ts";
import { defaultTag, fillIn, requireTag, type TagRules } from "./tag.ts";

/** How the caller wants a job to run; names are the API's query parameters. */
export interface RunOptions {
  job_id?: string | undefined;
  parent_job?: string | undefined;
  root_job?: string | undefined;
  tag?: string | undefined;
  cache_ttl?: number | undefined;
  invisible_to_owner?: boolean | undefined;
  skip_preprocessor?: boolean | undefined;
  scheduled_for?: Date | undefined;
  timeout?: number | undefined;
}

interface TagChoice {
  chosen: string | null | undefined;
  kind: JobKind;
  language: Language | null;
  path: string | null;
  dedicated?: boolean | null | undefined;
  args: string | null;
}

/** The tag a job gets: the chosen one, else its dedicated worker's if there is one, else the default of its language. */
export function tagFor(choice: TagChoice, { requester, member }: Runner, rules: TagRules): string {
  const { workspace } = member;
  if (choice.chosen) {
    const tag = fillIn(choice.chosen, { workspace, args: choice.args });
    const { tags } = requester;
    if (tags !== "any") requireTag(choice.chosen, { tag, workspace, rules, unserved: tags === "unserved" });
    return tag;
  }
  const dedicated = `${workspace}:${choice.path}`;
  if (choice.dedicated && rules.served.has(dedicated)) return dedicated;
  return defaultTag({ kind: choice.kind, language: choice.language, workspace }, rules);
}

/** `u/{username}`; superadmins without a name act under their email address. */
export function permissionedAsOf(member: Member): string {
  return member.username.includes("@") ? member.username : `u/${member.username}`;
}

/** What every job of a caller has, whatever it runs. */
export function baseJob(runner: Runner, options: RunOptions): Omit<NewJob, "kind" | "tag" | "args"> {
  const { member, startedBy = member } = runner;
  const id = options.job_id ?? newJobId();
  const root = options.root_job;
  return {
    id,
    workspace: member.workspace,
    createdBy: startedBy.username,
    permissionedAs: runner.permissionedAs ?? permissionedAsOf(member),
    member,
    parentJob: options.parent_job ?? null,
    rootJob: root === undefined || root === id || root === options.parent_job ? null : root,
    triggerKind: runner.requester.triggerKind,
    scheduledFor: options.scheduled_for ?? null,
  };
}

function concurrencyOf(
  options: ScriptOptions,
  { version, workspace, args }: { version: ScriptVersion; workspace: string; args: string },
): NonNullable<NewJob["concurrency"]> | null {
  if (!options.concurrent_limit) return null;
  const key = options.concurrency_key
    ? fillIn(options.concurrency_key, { workspace, args })
    : `${workspace}/script/${version.path}`;
  return { key, limit: options.concurrent_limit, windowSeconds: options.concurrency_time_window_s ?? 0 };
}

function deleteAfter(options: ScriptOptions): number | null {
  return options.delete_after_secs ?? (options.delete_after_use ? 0 : null);
}

export interface ScriptRun {
  version: ScriptVersion;
  /** JSON text of an object. */
  args: string;
  /** Makes the argument of a preprocessor, JSON text. */
  event?: () => string;
  options: RunOptions;
}

/** The job that runs a version of a script. @throws ApiError `unknown_tag`, `bad_request` */
export function scriptJob(
  { version, args: plain, event, options }: ScriptRun,
  runner: Runner,
  rules: TagRules,
): NewJob {
  const script = version.options;
  const { workspace } = runner.member;
  const preprocess = script.has_preprocessor === true && options.skip_preprocessor !== true && event !== undefined;
  const args = preprocess ? `{"event":${event()}}` : plain;
  const cacheTtl = script.cache_ttl ? (options.cache_ttl ?? script.cache_ttl) : (options.cache_ttl ?? null);
  const wipe = deleteAfter(script);
  const rare: JobOptions = {};
  if (preprocess) rare.preprocess = true;
  if (wipe !== null) rare.deleteAfterSeconds = wipe;
  if (script.restart_unless_cancelled) rare.perpetual = true;
  if (cacheTtl) rare.cacheKey = resultCacheKey(workspace, `script/${version.hash}`, args).toString("hex");
  if (script.envs && script.envs.length > 0) rare.envs = script.envs;
  const base = baseJob(runner, options);
  // one literal: an object that is spread and added to costs more than the rest of making a job
  return {
    id: base.id,
    workspace,
    createdBy: base.createdBy,
    permissionedAs: base.permissionedAs,
    member: base.member,
    parentJob: base.parentJob ?? null,
    rootJob: base.rootJob ?? null,
    triggerKind: base.triggerKind ?? null,
    scheduledFor: base.scheduledFor ?? null,
    kind: "script",
    path: version.path,
    hash: version.hash,
    language: version.language,
    tag: tagFor(
      {
        chosen: options.tag || script.tag,
        kind: "script",
        language: version.language,
        path: version.path,
        dedicated: script.dedicated_worker,
        args,
      },
      runner,
      rules,
    ),
    args,
    entrypoint: entrypointOf(plain),
    priority: script.priority ?? null,
    timeoutSeconds: options.timeout ?? script.timeout ?? null,
    cacheTtlSeconds: cacheTtl || null,
    concurrency: concurrencyOf(script, { version, workspace, args: plain }),
    visibleToOwner: options.invisible_to_owner !== true && script.visible_to_runner_only !== true,
    labels: script.labels && script.labels.length > 0 ? script.labels : null,
    options: rare,
  };
}

/** `_ENTRYPOINT_OVERRIDE` among the arguments selects another exported function than `main`. @throws ApiError */
export function entrypointOf(args: string): string | null {
  if (!args.includes("_ENTRYPOINT_OVERRIDE")) return null;
  const value = (JSON.parse(args) as Record<string, unknown>)["_ENTRYPOINT_OVERRIDE"];
  if (value === undefined || value === null) return null;
  if (typeof value !== "string" || !/^[\p{L}_$][\p{L}\p{N}_$]{0,254}$/u.test(value)) {
    throw new ApiError("bad_request", "body._ENTRYPOINT_OVERRIDE: expected the name of a function");
  }
  return value;
}
