import type { ClaimedJob } from "@towermill/queue";
import { jobToken } from "@towermill/queue";

export interface EnvironmentOptions {
  /** Address of the API as users see it. */
  baseUrl: string;
  /** Address of the API as jobs on this worker reach it. */
  internalUrl: string;
  workerGroup: string;
}

/** Where `getState` and `setState` of a job live: per script (or flow step) and trigger. */
export function statePath(job: ClaimedJob, flowPath: string | null): string {
  const trigger = job.createdBy.startsWith("schedule-") ? job.createdBy : "user";
  if (flowPath !== null) return `${flowPath}/${job.flowStepId ?? "nostep"}_${trigger}`;
  if (job.path === null) return `u/${job.member.username}/tmp_state`;
  return `${job.path}/${trigger}${job.path.endsWith("/") ? "state" : ""}`;
}

function objectPath(job: ClaimedJob, flowPath: string | null): string {
  const underscored = (path: string | null): string => (path ?? "").replaceAll("/", "_");
  const moment = `${job.scheduledFor.getTime()}_${job.id}`;
  const schedule = job.triggerKind === "schedule" ? underscored(job.triggerPath) : "manual";
  return flowPath === null
    ? `${underscored(job.path)}/${schedule}/${moment}`
    : `${underscored(flowPath)}/${schedule}/${job.flowStepId ?? ""}/${moment}`;
}

/** The contextual variables of a job, under Windmill's names; those that do not apply are empty. */
export function jobEnvironment(job: ClaimedJob, options: EnvironmentOptions): Record<string, string> {
  const isStep = job.parentJob !== null && job.flowStepId !== null;
  const flowPath = isStep ? (job.options.flow?.path ?? null) : null;
  const state = statePath(job, flowPath);
  return {
    WM_WORKSPACE: job.workspace,
    WM_TOKEN: jobToken(job.id, job.secret),
    WM_EMAIL: job.member.email,
    WM_USERNAME: job.member.username,
    WM_BASE_URL: options.baseUrl,
    WM_JOB_ID: job.id,
    WM_SCHEDULED_FOR: job.scheduledFor.toISOString(),
    WM_JOB_PATH: job.path ?? "",
    WM_FLOW_JOB_ID: isStep ? (job.parentJob ?? "") : "",
    WM_ROOT_FLOW_JOB_ID: isStep ? (job.rootJob ?? job.parentJob ?? "") : "",
    WM_ROOT_JOB_ID: job.rootJob ?? job.parentJob ?? job.id,
    WM_FLOW_PATH: flowPath ?? "",
    WM_FLOW_STEP_ID: job.flowStepId ?? "",
    WM_SCHEDULE_PATH: job.triggerKind === "schedule" ? (job.triggerPath ?? "") : "",
    WM_PERMISSIONED_AS: job.permissionedAs,
    WM_STATE_PATH: state,
    WM_STATE_PATH_NEW: state,
    WM_OBJECT_PATH: objectPath(job, flowPath),
    WM_WORKER_GROUP: options.workerGroup,
    WM_RUNNABLE_ID: job.hash ?? "",
    WM_END_USER_EMAIL: "",
    BASE_URL: options.baseUrl,
    BASE_INTERNAL_URL: options.internalUrl,
  };
}

/** `KEY=VALUE` lines of a script's own environment; names that would hide the platform's are left out. */
export function scriptEnvironment(envs: readonly string[] | undefined): Record<string, string> {
  const own: Record<string, string> = {};
  for (const line of envs ?? []) {
    const at = line.indexOf("=");
    const name = line.slice(0, at);
    if (at > 0 && /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !name.startsWith("WM_")) own[name] = line.slice(at + 1);
  }
  return own;
}
