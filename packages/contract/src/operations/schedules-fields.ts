import { z } from "zod";
import { flag, paging } from "../query.ts";
import { acl, labels, storable } from "./item.ts";

const args = z.record(z.string(), z.unknown()).nullish();
const times = z.number().int().min(1).max(1000).nullish();

/** `script/f/x/y` or `flow/f/x/y`; an empty one is none. */
const handler = storable
  .regex(/^((script|flow)\/.+)?$/, "is no handler, expected script/{path} or flow/{path}")
  .nullish();

const attempts = z.number().int().min(0).max(1000).nullish();
const seconds = z.number().min(0).nullish();

export const retry = z
  .looseObject({
    constant: z.looseObject({ attempts, seconds }).nullish(),
    exponential: z
      .looseObject({
        attempts,
        seconds,
        multiplier: z.number().min(0).nullish(),
        random_factor: z.number().min(0).max(100).nullish(),
      })
      .nullish(),
    retry_if: z.looseObject({ expr: storable }).nullish(),
  })
  .nullish();

/** Fields that are kept with a schedule and shown as they were set. */
export const scheduleOptions = {
  on_failure: handler.describe("Started when the last on_failure_times runs failed"),
  on_failure_times: times,
  on_failure_exact: z.boolean().nullish().describe("Only at exactly on_failure_times failures, not at each one beyond"),
  on_failure_extra_args: args,
  on_recovery: handler.describe(
    "Started at the on_recovery_times-th success in a row after failures that started on_failure",
  ),
  on_recovery_times: times,
  on_recovery_extra_args: args,
  on_success: handler.describe("Started at every success"),
  on_success_extra_args: args,
  ws_error_handler_muted: z.boolean().nullish(),
  retry: retry.describe("When a failed run of a script is tried again"),
  no_flow_overlap: z.boolean().nullish().describe("Skip runs of a flow while an earlier one goes on"),
  tag: storable.max(255).nullish().describe("Overrides the tag of the script or flow"),
  dynamic_skip: storable
    .nullish()
    .describe("Path of a script that is given scheduled_for and answers true to leave the run out"),
  timeout: z
    .number()
    .int()
    .min(1)
    .max(2_147_483_647)
    .nullish()
    .describe("Seconds; overrides the timeout of the script"),
  catch_up: z
    .enum(["none", "last", "all"])
    .nullish()
    .describe("Which missed runs are made up for; the last one unless set"),
  overlap: z
    .enum(["allow", "skip", "queue", "cancel"])
    .nullish()
    .describe("What happens while an earlier run goes on; scripts skip and flows are allowed unless set"),
};

const timetable = {
  schedule: storable.max(500).describe("Cron expression: 5 fields, or 6 with seconds first"),
  timezone: storable.max(64).describe("IANA name, such as Europe/Paris"),
  cron_version: z.enum(["v1", "v2"]).nullish(),
};

const common = {
  ...timetable,
  args,
  summary: storable.max(1000).nullish(),
  description: storable.nullish(),
  labels,
  paused_until: z.iso.datetime({ offset: true }).nullish().describe("Not due before this moment"),
  ...scheduleOptions,
  permissioned_as: storable.nullish(),
  preserve_permissioned_as: z.boolean().nullish(),
};

export const newSchedule = z.object({
  path: storable,
  script_path: storable.min(1).max(255),
  is_flow: z.boolean(),
  enabled: z.boolean().nullish(),
  ...common,
});

export const editedSchedule = z.object(common);

export const previewedSchedule = z.object(timetable);

export type NewSchedule = z.output<typeof newSchedule>;
export type EditedSchedule = z.output<typeof editedSchedule>;

export const schedule = z.looseObject({
  path: z.string(),
  edited_by: z.string(),
  edited_at: z.string(),
  schedule: z.string(),
  timezone: z.string(),
  enabled: z.boolean(),
  script_path: z.string(),
  is_flow: z.boolean(),
  args: z.unknown().optional(),
  extra_perms: acl,
  email: z.string(),
  permissioned_as: z.string(),
  error: z.string().optional(),
  summary: z.string().optional(),
  description: z.string().optional(),
  labels: z.array(z.string()).optional(),
  paused_until: z.string().optional(),
});

export const defaultHandler = z.object({
  handler_type: z.enum(["error", "recovery", "success"]),
  override_existing: z.boolean(),
  path: handler,
  extra_args: args,
  number_of_occurence: times,
  number_of_occurence_exact: z.boolean().nullish(),
  workspace_handler_muted: z.boolean().nullish(),
});

export const scheduleFilter = z.object({
  ...paging,
  args: storable.optional(),
  path: storable.optional().describe("Path of the script or flow"),
  is_flow: flag,
  path_start: storable.optional(),
  schedule_path: storable.optional(),
  description: storable.optional(),
  summary: storable.optional(),
  broad_filter: storable.optional(),
  label: storable.optional(),
  include_draft_only: flag,
});
