import type { Language, Member } from "@towermill/contract";
import { named, sql, type Database, type Queryable, type Sql } from "@towermill/store";
import type { ClaimedJob, JobKind, JobOptions } from "./job.ts";
import { hashToken, randomToken } from "./token.ts";

export interface ClaimRequest {
  worker: string;
  tags: readonly string[];
  /** How many slots are free. */
  count: number;
}

interface ClaimedRow {
  id: string;
  attempt: number;
  scheduled_for: Date;
  position: number;
  workspace_id: string;
  kind: JobKind;
  created_by: string;
  permissioned_as: string;
  identity: string;
  tag: string;
  args: string | null;
  script_path: string | null;
  script_hash: string | null;
  language: Language | null;
  raw_code: string | null;
  raw_lock: string | null;
  raw_flow: string | null;
  parent_job: string | null;
  root_job: string | null;
  flow_step_id: string | null;
  trigger_kind: string | null;
  trigger_path: string | null;
  entrypoint: string | null;
  priority: number | null;
  timeout_s: number | null;
  cache_ttl: number | null;
  concurrency_key: string | null;
  concurrent_limit: number | null;
  concurrency_window_s: number | null;
  visible_to_owner: boolean;
  labels: string[] | null;
  options: JobOptions;
}

function claimedJob(row: ClaimedRow, secrets: string[]): ClaimedJob {
  return {
    id: row.id,
    workspace: row.workspace_id,
    kind: row.kind,
    createdBy: row.created_by,
    permissionedAs: row.permissioned_as,
    member: JSON.parse(row.identity) as Member,
    tag: row.tag,
    args: row.args,
    path: row.script_path,
    hash: row.script_hash,
    language: row.language,
    rawCode: row.raw_code,
    rawLock: row.raw_lock,
    rawFlow: row.raw_flow,
    parentJob: row.parent_job,
    rootJob: row.root_job,
    flowStepId: row.flow_step_id,
    triggerKind: row.trigger_kind,
    triggerPath: row.trigger_path,
    entrypoint: row.entrypoint,
    priority: row.priority,
    timeoutSeconds: row.timeout_s,
    cacheTtlSeconds: row.cache_ttl,
    concurrencyKey: row.concurrency_key,
    concurrentLimit: row.concurrent_limit,
    concurrencyWindowSeconds: row.concurrency_window_s,
    visibleToOwner: row.visible_to_owner,
    labels: row.labels,
    options: row.options,
    scheduledFor: row.scheduled_for,
    attempt: row.attempt,
    secret: secrets[row.position - 1] ?? "",
  };
}

const definition: Sql = sql`j.workspace_id, j.kind, j.created_by, j.permissioned_as, j.identity::text as identity, j.tag, j.args::text as args, j.script_path,
  j.script_hash, j.language, j.raw_code, j.raw_lock, j.raw_flow::text as raw_flow, j.parent_job, j.root_job, j.flow_step_id, j.trigger_kind,
  j.trigger_path, j.entrypoint, j.priority, j.timeout_s, j.cache_ttl, j.concurrency_key, j.concurrent_limit,
  j.concurrency_window_s, j.visible_to_owner, j.labels, j.options`;

/**
 * The claim itself: row locks on the picked queue rows only, rows that others hold are skipped. The index
 * `job_queue_claim` gives them in order, so the cost does not grow with the queue.
 */
export function claimStatement(request: ClaimRequest, hashes: Buffer[]): Sql {
  return named("claim_jobs", sql`with ${claimPart(request, hashes)} ${claimedRows}`);
}

/** The parts `picked` and `claimed` of a statement that claims, for one that does something else besides. */
export function claimPart({ worker, tags, count }: ClaimRequest, hashes: Buffer[]): Sql {
  return sql`picked as (
      select id, row_number() over () as position from (
        select id from job_queue
        where not running and concurrency_key is null and suspend_until is null
          and tag = any(${tags}::text[]) and scheduled_for <= now()
        order by priority desc, scheduled_for
        limit ${count} for update skip locked) due
    ), claimed as (
      update job_queue q
      set running = true, attempt = q.attempt + 1, worker = ${worker}, started_at = now(), token_hash = h.hash
      from picked p join unnest(${hashes}::bytea[]) with ordinality h(hash, position) using (position)
      where q.id = p.id
      returning q.id, q.attempt, q.scheduled_for, p.position
    )`;
}

const claimedRows: Sql = sql`select c.id, c.attempt, c.scheduled_for, c.position::int as position, ${definition}
    from claimed c join job j on j.id = c.id
    order by c.position`;

/** What `claimPart` claimed, as one JSON value. */
export const claimedAsJson: Sql = sql`(select json_agg(row_to_json(t)) from (${claimedRows}) t)`;

/** The jobs behind the answer of {@link claimedAsJson}. @param secrets in the order of the hashes */
export function claimedJobsFrom(json: string | null, secrets: string[]): ClaimedJob[] {
  if (json === null) return [];
  const rows = JSON.parse(json) as (Omit<ClaimedRow, "scheduled_for"> & { scheduled_for: string })[];
  return rows.map((row) => claimedJob({ ...row, scheduled_for: new Date(row.scheduled_for) }, secrets));
}

/** Claims up to `count` due jobs that the worker's tags serve: highest priority first, then the longest due. */
export async function claimJobs(db: Database, request: ClaimRequest): Promise<ClaimedJob[]> {
  const secrets = Array.from({ length: request.count }, () => randomToken());
  const rows = await db.query<ClaimedRow>(claimStatement(request, secrets.map(hashToken)));
  const claimed = rows.map((row) => claimedJob(row, secrets));
  if (claimed.length === request.count) return claimed;
  return [...claimed, ...(await claimLimited(db, { ...request, count: request.count - claimed.length }))];
}

interface Candidate {
  id: string;
  key: string;
  concurrent_limit: number;
  concurrency_window_s: number;
}

/** Jobs under a concurrency limit: one by one, each under a lock on its key, so that the limit is exact. */
async function claimLimited(db: Database, request: ClaimRequest): Promise<ClaimedJob[]> {
  const claimed: ClaimedJob[] = [];
  if (!(await limitedIsDue(db, request.tags))) return claimed;
  for (let tries = 0; tries < request.count * 4 && claimed.length < request.count; tries += 1) {
    const outcome = await db.transaction((tx) => claimOneLimited(tx, request));
    if (outcome === "none") break;
    if (outcome !== "later") claimed.push(outcome);
  }
  return claimed;
}

async function limitedIsDue(db: Database, tags: readonly string[]): Promise<boolean> {
  const due = await db.maybe(
    named(
      "limited_is_due",
      sql`select from job_queue where not running and concurrency_key is not null and suspend_until is null
        and tag = any(${tags}::text[]) and scheduled_for <= now() limit 1`,
    ),
  );
  return due !== undefined;
}

async function claimOneLimited(tx: Queryable, { worker, tags }: ClaimRequest): Promise<ClaimedJob | "none" | "later"> {
  const candidate = await tx.maybe<Candidate>(
    named(
      "claim_limited",
      sql`select q.id, q.concurrency_key as key, j.concurrent_limit, j.concurrency_window_s
        from (select id, concurrency_key from job_queue
              where not running and concurrency_key is not null and suspend_until is null
                and tag = any(${tags}::text[]) and scheduled_for <= now()
              order by priority desc, scheduled_for limit 1 for update skip locked) q
        join job j on j.id = q.id`,
    ),
  );
  if (!candidate) return "none";
  await tx.execute(sql`insert into concurrency_key (key) values (${candidate.key}) on conflict do nothing`);
  await tx.one(sql`select key from concurrency_key where key = ${candidate.key} for update`);
  const used = await tx.one<{ taken: number; free_at: Date | null }>(sql`
    select count(*)::int as taken,
      min(ended_at) filter (where ended_at is not null) + make_interval(secs => ${candidate.concurrency_window_s}) as free_at
    from concurrency_slot
    where key = ${candidate.key}
      and (ended_at is null or ended_at > now() - make_interval(secs => ${candidate.concurrency_window_s}))`);
  if (used.taken >= candidate.concurrent_limit) {
    // Due again when the oldest ended run leaves the window; a run that ends earlier makes its key's next job due at once.
    await tx.execute(sql`update job_queue set scheduled_for = greatest(coalesce(${used.free_at}, now() + interval '5 seconds'),
      now() + interval '50 milliseconds') where id = ${candidate.id}`);
    return "later";
  }
  await tx.execute(sql`insert into concurrency_slot (job_id, key) values (${candidate.id}, ${candidate.key})
    on conflict (job_id) do update set started_at = now(), ended_at = null`);
  const secret = randomToken();
  const row = await tx.one<ClaimedRow>(sql`
    with c as (update job_queue set running = true, attempt = attempt + 1, worker = ${worker}, started_at = now(),
        token_hash = ${hashToken(secret)} where id = ${candidate.id} returning id, attempt, scheduled_for)
    select c.id, c.attempt, c.scheduled_for, 1 as position, ${definition} from c join job j on j.id = c.id`);
  return claimedJob(row, [secret]);
}
