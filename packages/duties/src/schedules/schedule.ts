import type { CronVersion, Timetable } from "@towermill/cron";
import type { Retry } from "@towermill/openflow";
import type { Principal } from "@towermill/runnable";
import { sql, type Sql } from "@towermill/store";

/** Which of the moments that were missed (no server ran, the database was away) are made up for. */
export type CatchUp = "none" | "last" | "all";

/** What happens at a due moment while an earlier run goes on. */
export type Overlap = "allow" | "skip" | "queue" | "cancel";

/** The rare fields of a schedule, under the API's names. */
export interface ScheduleOptions {
  on_failure?: string;
  on_failure_times?: number;
  on_failure_exact?: boolean;
  on_failure_extra_args?: Record<string, unknown>;
  on_recovery?: string;
  on_recovery_times?: number;
  on_recovery_extra_args?: Record<string, unknown>;
  on_success?: string;
  on_success_extra_args?: Record<string, unknown>;
  retry?: Retry;
  no_flow_overlap?: boolean;
  tag?: string;
  dynamic_skip?: string;
  timeout?: number;
  catch_up?: CatchUp;
  overlap?: Overlap;
}

/** A schedule as ticking needs it. */
export interface Schedule {
  workspace_id: string;
  path: string;
  schedule: string;
  timezone: string;
  cron_version: CronVersion;
  script_path: string;
  is_flow: boolean;
  /** JSON text. */
  args: string | null;
  options: ScheduleOptions;
  permissioned_as: string;
  email: string;
  paused_until: Date | null;
  next_run_at: Date | null;
  waited: boolean;
}

export type ScheduleRow = Omit<Schedule, "options"> & { options: string };

export const scheduleColumns: Sql = sql`s.workspace_id, s.path, s.schedule, s.timezone, s.cron_version, s.script_path, s.is_flow,
  s.args, s.options, s.permissioned_as, s.email, s.paused_until, s.next_run_at, s.waited`;

export function scheduleOf<Row extends ScheduleRow>(row: Row): Omit<Row, "options"> & Schedule {
  return { ...row, options: JSON.parse(row.options) as ScheduleOptions };
}

export function timetableOf({ schedule, timezone, cron_version }: Schedule): Timetable {
  return { schedule, timezone, cronVersion: cron_version };
}

export function principalOf({ workspace_id: workspace, permissioned_as: permissionedAs, email }: Schedule): Principal {
  return { workspace, permissionedAs, email };
}

/**
 * What happens while an earlier run goes on, where the schedule does not say: runs of a script do not overlap, as in
 * Windmill, where the next run is only planned when one ends; those of a flow do, unless `no_flow_overlap`.
 */
export function overlapOf({ options, is_flow }: Pick<Schedule, "options" | "is_flow">): Overlap {
  return options.overlap ?? (is_flow && options.no_flow_overlap !== true ? "allow" : "skip");
}

/** A run that is late is one that was planned: in Windmill the next one waits in the queue. */
export function catchUpOf({ options }: Pick<Schedule, "options">): CatchUp {
  return options.catch_up ?? "last";
}
