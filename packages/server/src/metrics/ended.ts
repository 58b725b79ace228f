import { sql, type Database, type Queryable } from "@towermill/store";
import type { Metric } from "./exposition.ts";

/** Jobs are counted this long after their end: their transaction may be older than its commit. */
const settledAfterSeconds = 3;

interface Group {
  status: string;
  runner: string;
  jobs: number;
  /** Those of which it is known how long they took to start, and how long that was together. */
  started: number;
  start_ms: number;
}

interface Period {
  /** Excluded; `null` = nothing was counted yet, and then nothing is but the end of the period fixed. */
  since: string | null;
}

/** Jobs that ended after `since`, per workspace by the index on their ends, whatever else there is. @returns `until`: the next `since` */
export async function readEnded(db: Queryable, { since }: Period): Promise<{ until: string; groups: Group[] }> {
  const { until } = await db.one<{ until: string }>(
    sql`select (now() - make_interval(secs => ${settledAfterSeconds}))::text as until`,
  );
  if (since === null) return { until, groups: [] };
  const groups = await db.query<Group & Record<string, unknown>>(sql`
    select d.status, coalesce(d.runner, 'none') as runner, count(*)::int as jobs, count(d.start_ms)::int as started,
      coalesce(sum(d.start_ms), 0)::float8 as start_ms
    from workspace w cross join lateral (
      select status, runner, start_ms from job_done
      where workspace_id = w.id and completed_at > ${since}::timestamptz and completed_at <= ${until}::timestamptz
      offset 0) d
    group by 1, 2`);
  return { until, groups };
}

/**
 * Counts the jobs of the instance that end from the first reading on. Each reading costs what ended since the last one,
 * so the counters need no table and survive retention; like all counters they begin anew with the process.
 */
export function countEnded(db: Database): () => Promise<Metric[]> {
  const totals = new Map<string, Group>();
  let since: string | null = null;
  let reading: Promise<void> | undefined;
  const read = async (): Promise<void> => {
    const { until, groups } = await readEnded(db, { since });
    since = until;
    for (const group of groups) add(totals, group);
  };
  return async () => {
    // two readers at once share a reading: nothing is counted twice
    reading ??= read().finally(() => (reading = undefined));
    await reading;
    return endedMetrics([...totals.values()]);
  };
}

function add(totals: Map<string, Group>, { status, runner, jobs, started, start_ms }: Group): void {
  const key = `${status} ${runner}`;
  const total = totals.get(key) ?? { status, runner, jobs: 0, started: 0, start_ms: 0 };
  totals.set(key, {
    status,
    runner,
    jobs: total.jobs + jobs,
    started: total.started + started,
    start_ms: total.start_ms + start_ms,
  });
}

function endedMetrics(totals: Group[]): Metric[] {
  return [
    {
      name: "towermill_jobs_ended_total",
      help: "Jobs that ended, by status and by how a process came to them (reused, fresh, cold; none: it had no process)",
      type: "counter",
      samples: totals.map(({ status, runner, jobs }) => ({ labels: { status, runner }, value: jobs })),
    },
    {
      name: "towermill_job_start_seconds",
      help: "Time from taking a job to the first line of its code",
      type: "summary",
      samples: totals.flatMap(({ status, runner, started, start_ms }) => [
        { labels: { status, runner }, value: start_ms / 1000, series: "sum" as const },
        { labels: { status, runner }, value: started, series: "count" as const },
      ]),
    },
  ];
}
