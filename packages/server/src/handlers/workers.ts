import { ApiError, type instanceJobsOperations, type workersOperations } from "@towermill/contract";
import { lostAfterSeconds } from "@towermill/queue";
import { defaultTags, fillIn, isOpenTo, parseCustomTag, readCustomTags, readPerWorkspace } from "@towermill/runnable";
import { sql } from "@towermill/store";
import { jsonText } from "../http/answer.ts";
import type { Handlers } from "../http/call.ts";
import { limitTo } from "../http/page.ts";
import { composeJson } from "../http/verbatim.ts";
import { requireJobOfAnyWorkspace, visibleJobs } from "../jobs/job-access.ts";
import { jobJson } from "../jobs/job-row.ts";
import { listRows } from "../jobs/list.ts";
import type { Authentication } from "../identity/authentication.ts";
import type { Caller } from "../identity/caller.ts";
import type { Services } from "../services.ts";

interface WorkerRow {
  name: string;
  instance: string;
  worker_group: string;
  tags: string[];
  slots: number;
  started_at: Date;
  ping_age: number;
  ip: string;
  version: string;
  isolation: string;
  jobs_executed: number;
  last_job_id: string | null;
  last_job_workspace_id: string | null;
  occupancy: Record<string, number>;
  vcpus: number | null;
  memory: number | null;
  memory_usage: number | null;
  wm_memory_usage: number | null;
}

function runsInstance(caller: Caller): boolean {
  return caller.kind === "account" && (caller.account.superAdmin || caller.account.devops);
}

function present<T extends object>(fields: T): { [K in keyof T]: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined)) as {
    [K in keyof T]: NonNullable<T[K]>;
  };
}

function workerJson(row: WorkerRow, privileged: boolean): WorkerJson {
  const { occupancy } = row;
  return {
    worker: row.name,
    worker_instance: row.instance,
    worker_group: row.worker_group,
    last_ping: row.ping_age,
    started_at: row.started_at.toISOString(),
    ip: privileged ? row.ip : "hidden",
    jobs_executed: row.jobs_executed,
    custom_tags: row.tags,
    wm_version: row.version,
    ...present({
      last_job_id: privileged ? row.last_job_id : null,
      last_job_workspace_id: privileged ? row.last_job_workspace_id : null,
      occupancy_rate: occupancy["now"] ?? null,
      occupancy_rate_15s: occupancy["15s"] ?? null,
      occupancy_rate_5m: occupancy["5m"] ?? null,
      occupancy_rate_30m: occupancy["30m"] ?? null,
      vcpus: row.vcpus,
      memory: row.memory,
      memory_usage: row.memory_usage,
      wm_memory_usage: row.wm_memory_usage,
    }),
    job_isolation: row.isolation,
    slots: row.slots,
    native_mode: false,
  };
}

interface WorkerJson {
  worker: string;
  worker_instance: string;
  worker_group: string;
  last_ping: number;
  started_at: string;
  ip: string;
  jobs_executed: number;
  custom_tags: string[];
  wm_version: string;
  [field: string]: unknown;
}

interface TagCount {
  tag: string;
  count: number;
}

function counts(rows: TagCount[]): Record<string, number> {
  return Object.fromEntries(rows.map((row) => [row.tag, row.count]));
}

/** Workers and the tags that lead jobs to them. */
export function workersHandlers({ db }: Services): Handlers<typeof workersOperations> {
  const livingTags = async (): Promise<Set<string>> => {
    const rows = await db.query<{ tag: string }>(sql`select distinct unnest(tags) as tag from worker
      where last_ping > now() - make_interval(secs => ${lostAfterSeconds})`);
    return new Set(rows.map((row) => row.tag));
  };
  return {
    async listWorkers({ query, caller }) {
      const rows = await db.query<WorkerRow>(sql`
        select *, extract(epoch from now() - last_ping)::int as ping_age from worker
        where last_ping > now() - make_interval(secs => ${query.ping_since ?? 300})
        order by worker_group, instance, name ${limitTo(query)}`);
      const privileged = runsInstance(caller);
      return rows.map((row) => workerJson(row, privileged));
    },
    async existsWorkersWithTags({ query }) {
      const living = await livingTags();
      const tags = query.tags.split(",").filter((tag) => tag !== "");
      return Object.fromEntries(
        tags.map((tag) => [tag, living.has(fillIn(tag, { workspace: query.workspace ?? "", args: null }))]),
      );
    },
    async getQueueStatus() {
      const rows = await db.query<{
        tag: string;
        waiting: number;
        delay: number | null;
        running: number;
        workers: number;
      }>(sql`
        with jobs as (
          select tag, count(*) filter (where not running and scheduled_for <= now() and suspend_until is null)::int as waiting,
            extract(epoch from now() - min(scheduled_for) filter (where not running and scheduled_for <= now() and suspend_until is null))::float8 as delay,
            count(*) filter (where running)::int as running
          from job_queue group by tag
        ), served as (
          select unnest(tags) as tag, count(*)::int as workers from worker
          where last_ping > now() - make_interval(secs => ${lostAfterSeconds}) group by 1
        )
        select coalesce(j.tag, s.tag) as tag, coalesce(waiting, 0) as waiting, delay, coalesce(running, 0) as running,
          coalesce(workers, 0) as workers
        from jobs j full join served s on s.tag = j.tag order by 1`);
      return rows.map(({ delay, ...row }) => (delay === null ? row : { ...row, delay }));
    },
    async getCountsOfJobsWaitingPerTag() {
      return counts(
        await db.query<TagCount>(sql`select tag, count(*)::int as count from job_queue
          where not running and scheduled_for <= now() and suspend_until is null group by tag`),
      );
    },
    async getCountsOfRunningJobsPerTag() {
      return counts(
        await db.query<TagCount>(sql`select tag, count(*)::int as count from job_queue where running group by tag`),
      );
    },
    async getCustomTags({ query }) {
      const tags = await readCustomTags(db);
      return query.show_workspace_restriction ? tags : tags.map((tag) => parseCustomTag(tag).name);
    },
    async getCustomTagsForWorkspace({ params }) {
      const tags = (await readCustomTags(db)).map(parseCustomTag);
      return tags.filter((tag) => isOpenTo(tag, params.workspace)).map((tag) => tag.name);
    },
    geDefaultTags: async () => [...defaultTags],
    isDefaultTagsPerWorkspace: async () => (await readPerWorkspace(db)) !== false,
  };
}

/** Jobs of the whole instance: counts, the database's clock, concurrency keys. */
export function instanceJobsHandlers(
  services: Services,
  auth: Authentication,
): Handlers<typeof instanceJobsOperations> {
  const { db } = services;
  return {
    async getDbClock() {
      const { ms } = await db.one<{ ms: number }>(
        sql`select (extract(epoch from clock_timestamp()) * 1000)::bigint as ms`,
      );
      return ms;
    },
    countJobsByTag: ({ query }) =>
      db.query<
        TagCount & Record<string, unknown>
      >(sql`select j.tag, count(*)::int as count from job_done d join job j on j.id = d.id
        where d.completed_at > now() - make_interval(secs => ${query.horizon_secs ?? 3600})
          and ${query.workspace_id ? sql`d.workspace_id = ${query.workspace_id}` : sql`true`}
        group by 1 order by 2 desc, 1`),
    listConcurrencyGroups: () =>
      db.query<{ concurrency_key: string; total_running: number }>(sql`
        select k.key as concurrency_key, count(s.job_id)::int as total_running
        from concurrency_key k left join concurrency_slot s on s.key = k.key and s.ended_at is null
        group by k.key order by k.key`),
    async deleteConcurrencyGroup({ params }) {
      const key = params.concurrency_id;
      const running = await db.maybe(sql`select from concurrency_slot where key = ${key} and ended_at is null limit 1`);
      if (running) throw new ApiError("bad_request", `Jobs of the concurrency key ${key} are running`);
      const gone = await db.execute(sql`delete from concurrency_key where key = ${key}`);
      if (gone === 0) throw new ApiError("not_found", `Concurrency key not found at name ${key}`);
      return {};
    },
    async getConcurrencyKey({ caller, params }) {
      return (await requireJobOfAnyWorkspace(services, { auth, caller, id: params.id })).concurrency_key ?? "";
    },
    async listExtendedJobs(call) {
      const { caller, member, query } = call;
      const rows = await listRows(db, { caller, member, filters: query, part: "all", perPage: 30 });
      const hidden = query.concurrency_key === undefined || member.isAdmin ? [] : await hiddenRuns(call);
      return jsonText(
        composeJson(
          { obscured_jobs: hidden, omitted_obscured_jobs: false },
          { jobs: `[${rows.map((row) => jobJson(row)).join(",")}]` },
        ),
      );
    },
  };

  async function hiddenRuns(call: {
    caller: Caller;
    member: Parameters<typeof visibleJobs>[0]["member"];
    query: { concurrency_key?: string | undefined };
  }) {
    const rows = await db.query<{ started_at: Date | null; duration_ms: number | null }>(sql`
      select coalesce(d.started_at, q.started_at) as started_at, d.duration_ms
      from job j left join job_queue q on q.id = j.id left join job_done d on d.id = j.id
      where j.workspace_id = ${call.member.workspace} and j.concurrency_key = ${call.query.concurrency_key}
        and not ${visibleJobs(call)} order by j.created_at desc limit 1000`);
    return rows.map((row) => ({
      typ: row.duration_ms === null ? "QueuedJob" : "CompletedJob",
      ...present({ started_at: row.started_at?.toISOString() ?? null, duration_ms: row.duration_ms }),
    }));
  }
}
