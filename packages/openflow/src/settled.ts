import type { ModuleStatus, Settled } from "./status.ts";

/** The status of a step that is over, with what is known of its jobs; `job` is for a step that has none. */
export function settled(
  status: ModuleStatus | undefined,
  { type, id, job }: { type: "Success" | "Failure"; id: string; job: string },
): Settled {
  const end: Settled = { type, id, job, attempt: 0, approvers: [], failed_retries: [], skipped: false };
  if (status === undefined || status.type === "WaitingForPriorSteps" || status.type === "WaitingForEvents") return end;
  return {
    ...end,
    job: status.job,
    attempt: status.attempt,
    skipped: status.skipped === true,
    ...(status.branch_chosen && { branch_chosen: status.branch_chosen }),
    ...(status.children !== undefined && { children: status.children }),
    ...(status.parallel && { parallel: true }),
  };
}
