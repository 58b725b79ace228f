import { sql, type Queryable } from "@towermill/store";
import type { Metric } from "./exposition.ts";

interface Depth {
  tag: string;
  state: string;
  jobs: number;
  oldest: number;
}

/**
 * What the queue holds, by tag: `queued` is due and waits for a worker, `scheduled` is not due yet, `suspended` waits for
 * an approval or a time, `waiting` is a flow whose steps run. Reads the whole queue, once.
 */
export async function queueMetrics(db: Queryable): Promise<Metric[]> {
  const depths = await db.query<Depth & Record<string, unknown>>(sql`
    select tag, state, count(*)::int as jobs, max(extract(epoch from now() - scheduled_for))::float8 as oldest
    from (select tag, scheduled_for, case when suspend_until is not null then 'suspended'
            when running and worker is null then 'waiting' when running then 'running'
            when scheduled_for > now() then 'scheduled' else 'queued' end as state
          from job_queue) q
    group by tag, state order by tag, state`);
  return [
    {
      name: "towermill_queue_jobs",
      help: "Jobs in the queue by tag and state",
      type: "gauge",
      samples: depths.map(({ tag, state, jobs }) => ({ labels: { tag, state }, value: jobs })),
    },
    {
      name: "towermill_queue_oldest_seconds",
      help: "How long the oldest queued job of a tag has been due",
      type: "gauge",
      samples: depths.flatMap(({ tag, state, oldest }) =>
        state === "queued" ? [{ labels: { tag }, value: oldest }] : [],
      ),
    },
  ];
}
