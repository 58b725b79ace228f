import {
  ApiError,
  jsonMembers,
  jsonObject,
  notFound,
  requireItemPath,
  type EditedSchedule,
  type schedulesOperations,
} from "@towermill/contract";
import { isUniqueViolation, sql, type Queryable } from "@towermill/store";
import type { Call } from "../http/call.ts";
import { requireWritable, requireWriteAt } from "../http/item.ts";
import { memberText } from "../http/verbatim.ts";
import { audit } from "../identity/audit.ts";
import { cancel } from "../jobs/cancel.ts";
import type { Services } from "../services.ts";
import { shareAsSent } from "./acls-sent.ts";
import { actsAs, requireHandlers, requireRunnable } from "./schedules-check.ts";
import { scheduleColumns, type ScheduleRow } from "./schedules-row.ts";
import { firstDue, sameTimetable, type When } from "./schedules-timetable.ts";
import { moveToTrash, rowAt } from "./trash-keep.ts";

type CallOf<Id extends string> = Call<Extract<(typeof schedulesOperations)[number], { id: Id }>>;
export type Who = Pick<CallOf<"deleteSchedule">, "member" | "caller">;

/** Fields that are kept as they were sent. */
const optionNames = [
  "on_failure",
  "on_failure_times",
  "on_failure_exact",
  "on_failure_extra_args",
  "on_recovery",
  "on_recovery_times",
  "on_recovery_extra_args",
  "on_success",
  "on_success_extra_args",
  "ws_error_handler_muted",
  "retry",
  "no_flow_overlap",
  "tag",
  "dynamic_skip",
  "timeout",
  "catch_up",
  "overlap",
] as const satisfies readonly (keyof EditedSchedule)[];

function optionsText(bodyText: string): string {
  const sent = jsonMembers(bodyText);
  const set = optionNames.flatMap((name): [string, string][] => {
    const text = sent.get(name);
    return text === undefined || text === "null" || text === '""' ? [] : [[name, text]];
  });
  return jsonObject(set);
}

/** The arguments as they were sent, JSON text; `null` when there are none. */
function argsText(bodyText: string): string | null {
  const text = memberText(bodyText, "args");
  return text === undefined || text === "null" ? null : text;
}

function whenOf(body: EditedSchedule, before: Pick<When, "cron_version"> | null): When {
  const { schedule, timezone, paused_until } = body;
  return {
    schedule,
    timezone,
    cron_version: body.cron_version ?? before?.cron_version ?? "v2",
    paused_until: paused_until ? new Date(paused_until) : null,
  };
}

async function note(
  tx: Queryable,
  { member }: Who,
  { operation, path }: { operation: "create" | "edit" | "setenabled" | "delete"; path: string },
): Promise<void> {
  const actionKind = operation === "create" ? "Created" : operation === "delete" ? "Delete" : "Updated";
  const { workspace, username } = member;
  await audit(tx, { workspace, username, operation: `schedule.${operation}`, actionKind, resource: path });
}

/** The row, held until the transaction ends. @throws ApiError `not_found`, `forbidden`, `missing_scope` */
export async function lockWritable(tx: Queryable, who: Who, path: string): Promise<ScheduleRow> {
  const row = await tx.maybe<ScheduleRow>(
    sql`select ${scheduleColumns} from schedule s where s.workspace_id = ${who.member.workspace} and s.path = ${path} for update`,
  );
  if (!row) throw notFound("Schedule", path);
  requireWritable(who, { domain: "schedules", kind: "Schedule", path, acl: row.extra_perms });
  return row;
}

async function create(tx: Queryable, call: CallOf<"createSchedule">, path: string): Promise<void> {
  const { body, bodyText, member } = call;
  const { script_path, is_flow } = body;
  const enabled = body.enabled ?? false;
  const when = whenOf(body, null);
  await requireHandlers(tx, member, body);
  if (enabled) await requireRunnable(tx, member, { isFlow: is_flow, path: script_path });
  const { permissioned_as, email } = await actsAs(tx, member, body);
  const next = await firstDue(tx, when);
  await tx.execute(sql`
    insert into schedule (workspace_id, path, schedule, timezone, cron_version, enabled, script_path, is_flow, args, options,
      labels, summary, description, paused_until, permissioned_as, email, edited_by, next_run_at, wake_at)
    values (${member.workspace}, ${path}, ${when.schedule}, ${when.timezone}, ${when.cron_version}, ${enabled}, ${script_path},
      ${is_flow}, ${argsText(bodyText)}, ${optionsText(bodyText)}, ${body.labels}, ${body.summary}, ${body.description},
      ${when.paused_until}, ${permissioned_as}, ${email}, ${member.username}, ${next}, coalesce(${next}::timestamptz, 'infinity'))`);
  await shareAsSent(tx, call, { table: "schedule", path });
  await note(tx, call, { operation: "create", path });
}

async function update(tx: Queryable, call: CallOf<"updateSchedule">, path: string): Promise<void> {
  const { body, bodyText, member } = call;
  const before = await lockWritable(tx, call, path);
  const when = whenOf(body, before);
  await requireHandlers(tx, member, body);
  if (before.enabled) await requireRunnable(tx, member, { isFlow: before.is_flow, path: before.script_path });
  const { permissioned_as, email } = await actsAs(tx, member, body);
  // a moment that is due already must not get lost because something else was changed
  const next = sameTimetable(when, before) ? undefined : await firstDue(tx, when);
  const planned =
    next === undefined
      ? sql.empty
      : sql`next_run_at = ${next}, wake_at = coalesce(${next}::timestamptz, 'infinity'), waited = false,`;
  await tx.execute(sql`
    update schedule set schedule = ${when.schedule}, timezone = ${when.timezone}, cron_version = ${when.cron_version},
      args = ${argsText(bodyText)}, options = ${optionsText(bodyText)}, labels = ${body.labels}, summary = ${body.summary},
      description = ${body.description}, paused_until = ${when.paused_until}, ${planned} error = null,
      permissioned_as = ${permissioned_as}, email = ${email}, edited_by = ${member.username}, edited_at = now()
    where workspace_id = ${member.workspace} and path = ${path}`);
  await shareAsSent(tx, call, { table: "schedule", path });
  await note(tx, call, { operation: "edit", path });
}

async function setEnabled(tx: Queryable, call: CallOf<"setScheduleEnabled">, path: string): Promise<void> {
  const { enabled } = call.body;
  const before = await lockWritable(tx, call, path);
  if (enabled) await requireRunnable(tx, call.member, { isFlow: before.is_flow, path: before.script_path });
  // one that runs already keeps the moment it waits for
  const next = enabled && !before.enabled ? await firstDue(tx, before) : undefined;
  const planned =
    next === undefined
      ? sql.empty
      : sql`, error = null, next_run_at = ${next}, wake_at = coalesce(${next}::timestamptz, 'infinity'), waited = false`;
  await tx.execute(sql`
    update schedule set enabled = ${enabled}, edited_by = ${call.member.username}, edited_at = now() ${planned}
    where workspace_id = ${call.member.workspace} and path = ${path}`);
  await note(tx, call, { operation: "setenabled", path });
}

/** Jobs of a schedule that have not started. */
async function waitingJobs(tx: Queryable, workspace: string, path: string): Promise<string[]> {
  const rows = await tx.query<{ job_id: string }>(sql`
    select t.job_id from schedule_tick t join job_queue q on q.id = t.job_id
    where t.workspace_id = ${workspace} and t.path = ${path} and t.state in ('asking', 'open') and not q.running`);
  return rows.map((row) => row.job_id);
}

async function remove(tx: Queryable, call: CallOf<"deleteSchedule">, path: string): Promise<string[]> {
  const { member } = call;
  const { extra_perms: acl } = await lockWritable(tx, call, path);
  const waiting = await waitingJobs(tx, member.workspace, path);
  // one that is restored is planned anew
  await tx.execute(sql`
    update schedule set next_run_at = null, wake_at = default, waited = false where workspace_id = ${member.workspace} and path = ${path}`);
  await moveToTrash(tx, member, { kind: "schedule", path, acl, rows: [rowAt(member, "schedule", path)] });
  await tx.execute(sql`delete from schedule where workspace_id = ${member.workspace} and path = ${path}`);
  await note(tx, call, { operation: "delete", path });
  return waiting;
}

/** Everything that changes a schedule. Tickers everywhere hear of it. */
export function scheduleWrites(services: Services) {
  const { db, bus } = services;
  const changed = (workspace: string, path: string): void => bus.publish("changed", [`schedule:${workspace}:${path}`]);
  const cancelWaiting = async ({ member }: Who, ids: string[], reason: string): Promise<void> => {
    if (ids.length > 0) await cancel(services, { workspace: member.workspace, ids, by: member.username, reason });
  };
  return {
    async createSchedule(call: CallOf<"createSchedule">) {
      const path = requireItemPath(call.body.path);
      requireWriteAt(call, { domain: "schedules", path });
      await db
        .transaction((tx) => create(tx, call, path))
        .catch((error: unknown) => {
          throw isUniqueViolation(error) ? new ApiError("already_exists", `Schedule ${path} already exists`) : error;
        });
      changed(call.member.workspace, path);
      return path;
    },
    async updateSchedule(call: CallOf<"updateSchedule">) {
      const { path } = call.params;
      await db.transaction((tx) => update(tx, call, path));
      changed(call.member.workspace, path);
      return path;
    },
    async setScheduleEnabled(call: CallOf<"setScheduleEnabled">) {
      const { path } = call.params;
      await db.transaction((tx) => setEnabled(tx, call, path));
      if (!call.body.enabled) {
        await cancelWaiting(call, await waitingJobs(db, call.member.workspace, path), "the schedule was disabled");
      }
      changed(call.member.workspace, path);
      return `schedule ${path} ${call.body.enabled ? "enabled" : "disabled"}`;
    },
    async deleteSchedule(call: CallOf<"deleteSchedule">) {
      const { path } = call.params;
      await cancelWaiting(call, await db.transaction((tx) => remove(tx, call, path)), "the schedule was deleted");
      changed(call.member.workspace, path);
      return `schedule ${path} deleted`;
    },
  };
}
