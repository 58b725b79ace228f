import type { FlowValue } from "@towermill/openflow";
import { resultCacheKey, type Debounce, type JobOptions, type NewJob } from "@towermill/queue";
import { baseJob, fillIn, tagFor, type RunOptions, type Runner, type TagRules } from "@towermill/runnable";
import type { FlowVersion } from "./deployed.ts";

/** A flow that is sent to be run as it is. */
export interface FlowPreview {
  /** JSON text of the FlowValue, stored and answered as it was sent. */
  value: string;
  path?: string | null | undefined;
  tag?: string | null | undefined;
}

export interface FlowRunRequest {
  flow: FlowVersion | FlowPreview;
  /** JSON text of an object. */
  args: string;
  /** Argument of the flow's preprocessor, JSON text; absent = it does not run. */
  event?: (() => string) | undefined;
  options: RunOptions;
  /** Takes up a finished run: its steps before the first target are kept. */
  restart?: NonNullable<JobOptions["restart"]> | undefined;
}

/**
 * The job that runs a deployed flow or a preview; push it like any other job. Its status begins to exist when a worker
 * takes it.
 * @throws ApiError `unknown_tag`
 */
export function newFlowJob(request: FlowRunRequest, runner: Runner, rules: TagRules): NewJob {
  const { flow, args, event, options } = request;
  const isDeployed = typeof flow.value !== "string";
  const value = typeof flow.value === "string" ? (JSON.parse(flow.value) as FlowValue) : flow.value;
  const kind = isDeployed ? "flow" : "flowpreview";
  const path = flow.path ?? null;
  const settings = "options" in flow ? flow.options : { tag: flow.tag ?? null };
  const preprocess = event !== undefined && value.preprocessor_module != null && options.skip_preprocessor !== true;
  const given = preprocess ? `{"event":${event()}}` : args;
  const { labels } = settings;
  const cacheTtl = options.cache_ttl ?? value.cache_ttl ?? null;
  return {
    ...baseJob(runner, options),
    kind,
    path,
    hash: "version" in flow ? String(flow.version) : null,
    rawFlow: isDeployed ? null : String(flow.value),
    tag: tagFor({ chosen: options.tag || settings.tag, kind, language: null, path, args: given }, runner, rules),
    args: given,
    priority: value.priority ?? settings.priority ?? null,
    timeoutSeconds: options.timeout ?? settings.timeout ?? null,
    cacheTtlSeconds: cacheTtl || null,
    concurrency: concurrencyOf(value, { workspace: runner.member.workspace, args, path }),
    debounce: debounceOf(value, { workspace: runner.member.workspace, args, path }),
    visibleToOwner: options.invisible_to_owner !== true && settings.visible_to_runner_only !== true,
    labels: labels && labels.length > 0 ? labels : null,
    options: {
      ...(preprocess && { preprocess: true }),
      ...(request.restart && { restart: request.restart }),
      ...(cacheTtl && "version" in flow && { cacheKey: cacheKeyOf(runner, flow, given) }),
      ...wipeOf(value),
    },
  };
}

function cacheKeyOf(runner: Runner, flow: FlowVersion, args: string): string {
  return resultCacheKey(runner.member.workspace, `flow/${flow.version}`, args).toString("hex");
}

function wipeOf({ delete_after_secs, delete_after_use }: FlowValue): JobOptions {
  const seconds = delete_after_secs ?? (delete_after_use === true ? 0 : null);
  return seconds === null ? {} : { deleteAfterSeconds: seconds };
}

function concurrencyOf(
  { concurrent_limit: limit, concurrency_key: key, concurrency_time_window_s: windowSeconds }: FlowValue,
  { workspace, args, path }: { workspace: string; args: string; path: string | null },
): NonNullable<NewJob["concurrency"]> | null {
  if (!limit) return null;
  const filled = key ? fillIn(key, { workspace, args }) : `${workspace}/flow/${path ?? ""}`;
  return { key: filled, limit, windowSeconds: windowSeconds ?? 0 };
}

/** Runs of a key follow each other closely: only the last runs. Without a key of its own: the path with its arguments. */
function debounceOf(
  value: FlowValue,
  { workspace, args, path }: { workspace: string; args: string; path: string | null },
): Debounce | null {
  const { debounce_delay_s: delaySeconds, debounce_key: key, debounce_args_to_accumulate: accumulate } = value;
  if (!delaySeconds || delaySeconds <= 0) return null;
  const ownKey = key ? fillIn(key, { workspace, args }) : resultCacheKey(workspace, path ?? "", args).toString("hex");
  return {
    key: `${workspace}/${path ?? ""}#${ownKey}`,
    delaySeconds,
    accumulate: accumulate ?? [],
    maximumSeconds: value.max_total_debouncing_time ?? null,
    maximumTimes: value.max_total_debounces_amount ?? null,
  };
}
