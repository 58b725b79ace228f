import type { NewJob } from "@towermill/queue";
import { baseJob, tagFor, type Runner, type TagRules } from "@towermill/runnable";
import { requesterOf } from "../jobs/requester.ts";
import type { Who } from "./find.ts";
import { requireValidFlow } from "./validation.ts";

export interface FlowLockRequest {
  /** JSON text of the flow's value. */
  value: string;
  flow_value: unknown;
  path?: string | null | undefined;
  raw_workspace_dependencies?: Record<string, string> | null | undefined;
  temp_script_refs?: Record<string, string> | null | undefined;
}

/**
 * The job that resolves the dependencies of a flow that is not deployed: its result is `{updated_flow_value}`, the value
 * with a lock for each inline script that had none.
 * @throws ApiError `bad_request` naming step and field
 */
export function flowLockJob(request: FlowLockRequest, { who, rules }: { who: Who; rules: TagRules }): NewJob {
  requireValidFlow(request.flow_value);
  const { temp_script_refs: references, raw_workspace_dependencies: files } = request;
  const path = request.path || null;
  const runner: Runner = { requester: requesterOf(who.caller), member: who.member };
  const kind = "flowdependencies";
  return {
    ...baseJob(runner, {}),
    kind,
    path,
    rawFlow: request.value,
    tag: tagFor({ chosen: null, kind, language: null, path, args: null }, runner, rules),
    args: null,
    options: {
      ...(references ? { temporaryScripts: references } : {}),
      ...(files ? { dependencyFiles: files } : {}),
    },
  };
}
