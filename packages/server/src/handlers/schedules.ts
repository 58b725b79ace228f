import { notFound, type schedulesOperations } from "@towermill/contract";
import { occurrences } from "@towermill/cron";
import { sql, type Sql } from "@towermill/store";
import { jsonText } from "../http/answer.ts";
import { parseJson } from "../http/body.ts";
import type { Call, Handlers } from "../http/call.ts";
import { patternsOf, requireReadable } from "../http/item.ts";
import { limitTo } from "../http/page.ts";
import { composeJson, jsonList, requireSearchable } from "../http/verbatim.ts";
import { startsWith, visible } from "../http/visibility.ts";
import type { Services } from "../services.ts";
import { draftAlone, draftOverlay, withOverlay } from "./drafts-overlay.ts";
import { setDefaultHandler } from "./schedules-default.ts";
import { scheduleColumns, scheduleJson, type ScheduleRow } from "./schedules-row.ts";
import { scheduleRuns } from "./schedules-run.ts";
import { orBadRequest } from "./schedules-timetable.ts";
import { scheduleWrites } from "./schedules-write.ts";

type Ops = typeof schedulesOperations;
type CallOf<Id extends string> = Call<Extract<Ops[number], { id: Id }>>;

/** Kind of the drafts of schedules. */
const draftKind = "trigger_schedule";
const jobsShown = 20;

function shown({ member, caller }: Pick<CallOf<"listSchedules">, "member" | "caller">): Sql {
  const columns = { path: sql`s.path`, extraPerms: sql`s.extra_perms` };
  return sql`s.workspace_id = ${member.workspace} and ${visible(member, patternsOf(caller, "schedules"), columns)}`;
}

/** Arguments that hold a JSON value; what jsonb cannot keep matches nothing. */
function holding(args: string): Sql {
  requireSearchable(parseJson(args), "query.args");
  const holdable = sql`s.args::text !~ '\\\\u(0000|[dD][89a-fA-F])'`;
  return sql`case when ${holdable} then s.args::text::jsonb @> ${args}::jsonb else false end`;
}

function contains(text: Sql, part: string): Sql {
  return sql`position(lower(${part}) in lower(${text})) > 0`;
}

function conditions(call: CallOf<"listSchedules">): Sql {
  const { query } = call;
  const found = [shown(call)];
  if (query.path !== undefined) found.push(sql`s.script_path = ${query.path}`);
  if (query.is_flow !== undefined) found.push(sql`s.is_flow = ${query.is_flow}`);
  if (query.path_start !== undefined) found.push(startsWith(sql`s.path`, query.path_start));
  if (query.schedule_path !== undefined) found.push(sql`s.path = ${query.schedule_path}`);
  if (query.description !== undefined) found.push(contains(sql`coalesce(s.description, '')`, query.description));
  if (query.summary !== undefined) found.push(contains(sql`coalesce(s.summary, '')`, query.summary));
  if (query.label !== undefined) found.push(sql`${query.label} = any(s.labels)`);
  if (query.args) found.push(holding(query.args));
  if (query.broad_filter !== undefined) {
    found.push(
      contains(sql`concat_ws(' ', s.path, s.script_path, s.summary, s.description, s.args::text)`, query.broad_filter),
    );
  }
  return sql.join(found, sql` and `);
}

function lists({ db }: Services) {
  return {
    async listSchedules(call: CallOf<"listSchedules">) {
      const rows = await db.query<ScheduleRow>(sql`
        select ${scheduleColumns} from schedule s where ${conditions(call)} order by s.edited_at desc, s.path ${limitTo(call.query)}`);
      const found = rows.map((row) => scheduleJson(row));
      if (!call.query.include_draft_only) return jsonList(found);
      const { workspace, email } = call.member;
      const drafts = await db.query<{ path: string; value: string }>(sql`
        select d.path, d.value from draft d
        where d.workspace_id = ${workspace} and d.kind = ${draftKind} and d.email = ${email}
          and not exists (select from schedule s where s.workspace_id = d.workspace_id and s.path = d.path)
        order by d.path`);
      return jsonList([...found, ...drafts.map(({ path, value }) => draftAlone(path, value, { is_draft: "true" }))]);
    },
    async listSchedulesWithJobs(call: CallOf<"listSchedulesWithJobs">) {
      const rows = await db.query<ScheduleRow & { jobs: string; next_run_at: Date | null }>(sql`
        select ${scheduleColumns}, s.next_run_at, coalesce(r.jobs, '[]'::json) as jobs
        from (select * from schedule s where ${shown(call)} order by s.edited_at desc, s.path ${limitTo(call.query)}) s
        left join lateral (
          select json_agg(json_build_object('id', t.job_id, 'success', d.status in ('success', 'skipped'), 'duration_ms', d.duration_ms)
            order by t.due desc) as jobs
          from (select job_id, due from schedule_tick t where t.workspace_id = s.workspace_id and t.path = s.path
                  and t.job_id is not null and t.state not in ('asking', 'open') order by t.due desc limit ${jobsShown}) t
          join job_done d on d.id = t.job_id
        ) r on true
        order by s.edited_at desc, s.path`);
      return jsonList(
        rows.map(({ jobs, next_run_at, ...row }) =>
          scheduleJson(row, { jobs, ...(next_run_at ? { next_run_at: JSON.stringify(next_run_at) } : {}) }),
        ),
      );
    },
    async listScheduleTicks(call: CallOf<"listScheduleTicks">) {
      const { path } = call.params;
      if (!(await db.maybe(sql`select from schedule s where ${shown(call)} and s.path = ${path}`)))
        throw notFound("Schedule", path);
      const rows = await db.query<{ due: Date; failures: number; times: number }>(sql`
        select due, state, job_id, failures, times, note, settled_at from schedule_tick
        where workspace_id = ${call.member.workspace} and path = ${path} order by due desc ${limitTo(call.query, { perPage: 100 })}`);
      return jsonList(
        rows.map(({ failures, times, ...row }) =>
          composeJson({ ...row, ...(failures > 0 ? { failures } : {}), ...(times > 1 ? { times } : {}) }, {}),
        ),
      );
    },
  };
}

function readers({ db }: Services) {
  return {
    async getSchedule(call: CallOf<"getSchedule">) {
      const { path } = call.params;
      const overlay = call.query.get_draft ? await draftOverlay(db, call.member, { kind: draftKind, path }) : null;
      const row = await db.maybe<ScheduleRow>(
        sql`select ${scheduleColumns} from schedule s where s.workspace_id = ${call.member.workspace} and s.path = ${path}`,
      );
      if (!row && overlay?.own) return jsonText(draftAlone(path, overlay.own, overlay.members));
      if (!row) throw notFound("Schedule", path);
      requireReadable(call, { domain: "schedules", kind: "Schedule", path, acl: row.extra_perms });
      return jsonText(overlay ? withOverlay(scheduleJson(row), overlay.members) : scheduleJson(row));
    },
    async existsSchedule(call: CallOf<"existsSchedule">) {
      return (
        (await db.maybe(sql`select from schedule s where ${shown(call)} and s.path = ${call.params.path}`)) !==
        undefined
      );
    },
    async previewSchedule({ body }: CallOf<"previewSchedule">) {
      const { now } = await db.one<{ now: Date }>(sql`select clock_timestamp() as now`);
      const timetable = { schedule: body.schedule, timezone: body.timezone, cronVersion: body.cron_version ?? "v2" };
      return orBadRequest(() => occurrences(timetable, now, 5)).map((moment) => moment.toISOString());
    },
  };
}

/** Schedules. Arguments go in and out as the JSON text they were sent as. */
export function schedulesHandlers(services: Services): Handlers<Ops> {
  return {
    ...readers(services),
    ...lists(services),
    ...scheduleWrites(services),
    ...scheduleRuns(services),
    async setDefaultErrorOrRecoveryHandler(call) {
      await setDefaultHandler(services, call);
      return null;
    },
  };
}
