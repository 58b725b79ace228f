import { newJobId } from "@towermill/queue";
import type { UnattendedRun } from "@towermill/runnable";
import { errorIn } from "../schedules/handler-job.ts";
import type { EndedJob } from "./ended-job.ts";

/** A handler as the settings of a workspace hold it; `path` is `script/…` or `flow/…`. */
export interface Handler {
  path: string;
  extra_args?: Record<string, unknown>;
  muted_on_cancel?: boolean;
  muted_on_user_path?: boolean;
}

export interface Handlers {
  error: Handler | null;
  success: Handler | null;
}

/** The handler that an end calls for; `null` = none. */
export function handlerFor(job: EndedJob, { error, success }: Handlers): Handler | null {
  if (job.attempt === "retried") return null;
  if (job.status === "success") return success;
  const isMuted =
    error === null ||
    job.muted ||
    (job.status === "canceled" && error.muted_on_cancel === true) ||
    (error.muted_on_user_path === true && job.path.startsWith("u/"));
  return isMuted ? null : error;
}

function triggerOf({ trigger_kind: kind, trigger_path: path }: EndedJob): Record<string, string> {
  if (path === null) return {};
  return kind === "schedule" ? { schedule_path: path } : { trigger_path: `${kind ?? "unknown"}_trigger/${path}` };
}

/**
 * The run of a handler: as the group `error_handler`, so that nothing reacts to it in turn. Argument names are those that
 * handlers written for Windmill take.
 */
export function handlerRun(job: EndedJob, handler: Handler): UnattendedRun {
  const { id, workspace_id: workspace, path, is_flow, email, started_at, status } = job;
  const name = status === "success" ? "success_handler" : "error_handler";
  const result = job.result ?? "null";
  const outcome = status === "success" ? { result: JSON.parse(result) as unknown } : { error: errorIn(result) };
  const known = {
    workspace_id: workspace,
    job_id: id,
    path,
    is_flow,
    started_at,
    email,
    ...triggerOf(job),
    ...outcome,
  };
  const [kind, ...rest] = handler.path.split("/");
  return {
    runnable: { path: rest.join("/"), isFlow: kind === "flow" },
    args: JSON.stringify({ ...known, ...handler.extra_args }),
    as: { workspace, permissionedAs: "g/error_handler", email: `${name}@windmill.dev` },
    createdBy: name,
    triggerKind: null,
    triggerPath: null,
    trusted: true,
    options: { job_id: newJobId(), parent_job: id },
  };
}
