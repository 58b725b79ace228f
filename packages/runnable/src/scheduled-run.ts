import type { UnattendedRun } from "./unattended.ts";

/** What of a schedule decides its runs; names are its columns'. */
export interface ScheduledRunnable {
  workspace_id: string;
  path: string;
  script_path: string;
  is_flow: boolean;
  /** JSON text of an object. */
  args: string | null;
  permissioned_as: string;
  email: string;
  options: { tag?: string; timeout?: number };
}

/** What `created_by` of a schedule's jobs says. */
export function scheduleCreator({ path }: Pick<ScheduledRunnable, "path">): string {
  return `schedule-${path.replaceAll("/", "-")}`;
}

/**
 * One run of a schedule: its script's or flow's newest version, as whoever the schedule acts as.
 * @param run `notBefore` absent = now; `args` (JSON text) absent = the schedule's
 */
export function scheduledRun(
  schedule: ScheduledRunnable,
  run: { id: string; notBefore?: Date; args?: string },
): UnattendedRun {
  const { tag, timeout } = schedule.options;
  return {
    runnable: { path: schedule.script_path, isFlow: schedule.is_flow },
    args: run.args ?? schedule.args ?? "{}",
    as: { workspace: schedule.workspace_id, permissionedAs: schedule.permissioned_as, email: schedule.email },
    createdBy: scheduleCreator(schedule),
    triggerKind: "schedule",
    triggerPath: schedule.path,
    options: {
      job_id: run.id,
      ...(run.notBefore ? { scheduled_for: run.notBefore } : {}),
      ...(tag ? { tag } : {}),
      ...(timeout ? { timeout } : {}),
    },
  };
}
