import { jsonMembers, type Acl } from "@towermill/contract";
import { sql } from "@towermill/store";
import { composeJson } from "../http/verbatim.ts";

export interface ScheduleRow {
  workspace_id: string;
  path: string;
  schedule: string;
  timezone: string;
  cron_version: string | null;
  enabled: boolean;
  script_path: string;
  is_flow: boolean;
  /** JSON text. */
  args: string | null;
  /** JSON text: the fields that were set, as they were sent. */
  options: string;
  labels: string[] | null;
  summary: string | null;
  description: string | null;
  paused_until: Date | null;
  error: string | null;
  permissioned_as: string;
  email: string;
  extra_perms: Acl;
  edited_by: string;
  edited_at: Date;
}

export const scheduleColumns = sql`s.workspace_id, s.path, s.schedule, s.timezone, s.cron_version, s.enabled, s.script_path,
  s.is_flow, s.args, s.options, s.labels, s.summary, s.description, s.paused_until, s.error, s.permissioned_as, s.email,
  s.extra_perms, s.edited_by, s.edited_at`;

/** Shown also where they were not set, as Windmill does. */
const always = { no_flow_overlap: "false", ws_error_handler_muted: "false" };

/** A schedule as the API shows it, as JSON text. @param extras JSON texts of further members */
export function scheduleJson(row: ScheduleRow, extras: Record<string, string> = {}): string {
  const { args, options, ...fields } = row;
  return composeJson(fields, { args, ...always, ...Object.fromEntries(jsonMembers(options)), ...extras });
}
