import { jsonMembers, jsonObject } from "@towermill/contract";
import { sql, type Database, type Queryable } from "@towermill/store";
import type { Debounce, NewJob } from "./job.ts";
import { pushJob } from "./push.ts";

interface Pending {
  job_id: string;
  args: string | null;
  times: number;
  seconds: number;
}

/**
 * Pushes a job that others of its key may replace while it waits. One that waits already ends as skipped, and the lists it
 * accumulated go over to the new one.
 * @returns the job as it was pushed, and the id of the one it replaced
 */
export async function pushDebounced(
  db: Database,
  job: NewJob,
  debounce: Debounce,
): Promise<{ job: NewJob; replaced: string | null }> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${debounce.key}, 7))`);
    const pending = await tx.maybe<Pending & Record<string, unknown>>(sql`
      select d.job_id, j.args, d.times, extract(epoch from now() - d.since)::float8 as seconds
      from debounce d join job_queue q on q.id = d.job_id join job j on j.id = d.job_id
      where d.key = ${debounce.key} and q.attempt = 0 and not q.running for update of q`);
    const isOver = pending !== undefined && isEnough(pending, debounce);
    const args = pending ? merged(pending.args, job.args, debounce.accumulate) : job.args;
    const { at } = await tx.one<{ at: Date }>(
      sql`select now() + make_interval(secs => ${debounce.delaySeconds}) as at`,
    );
    const pushed: NewJob = { ...job, args, scheduledFor: isOver ? null : at };
    if (pending) await replace(tx, pending.job_id, job.id);
    await pushJob(tx, pushed);
    await tx.execute(sql`insert into debounce (key, job_id, since, times) values (${debounce.key}, ${job.id}, now(), 0)
      on conflict (key) do update set job_id = excluded.job_id,
        since = case when ${pending !== undefined} then debounce.since else excluded.since end,
        times = case when ${pending !== undefined} then debounce.times + 1 else 0 end`);
    return { job: pushed, replaced: pending?.job_id ?? null };
  });
}

function isEnough({ times, seconds }: Pending, { maximumTimes, maximumSeconds }: Debounce): boolean {
  return (maximumTimes !== null && times + 1 > maximumTimes) || (maximumSeconds !== null && seconds > maximumSeconds);
}

async function replace(tx: Queryable, replaced: string, by: string): Promise<void> {
  await tx.execute(sql`
    with gone as (delete from job_queue where id = ${replaced} returning id, workspace_id)
    insert into job_done (id, workspace_id, status, duration_ms, result)
    select id, workspace_id, 'skipped', 0, json_build_object('debounced_by', ${by}::text) from gone`);
}

function merged(before: string | null, now: string | null, accumulate: readonly string[]): string | null {
  if (before === null || now === null || accumulate.length === 0) return now;
  const old = jsonMembers(before);
  const members = jsonMembers(now);
  for (const name of accumulate) {
    const [first, second] = [old.get(name), members.get(name)];
    if (isList(first) && isList(second)) members.set(name, joined(first, second));
  }
  return jsonObject(members);
}

function isList(text: string | undefined): text is string {
  return text?.startsWith("[") === true;
}

function joined(first: string, second: string): string {
  const [a, b] = [first.slice(1, -1).trim(), second.slice(1, -1).trim()];
  return `[${[a, b].filter((items) => items !== "").join(",")}]`;
}
