import { sql, type Database, type Sql } from "@towermill/store";

/** How full the tables of a test are. */
export interface Fill {
  readonly finished: number;
  readonly queued: number;
}

/** An instance in use; a hundred times as large with `TOWERMILL_TEST_LARGE=1`. */
export const usualFill: Fill =
  process.env["TOWERMILL_TEST_LARGE"] === "1"
    ? { finished: 1_000_000, queued: 100_000 }
    : { finished: 20_000, queued: 5_000 };

/** The weeks the finished jobs of {@link fillJobs} are spread over. */
export const filledWeeks = 4;

/** A UUIDv7 of a moment, always the same for a number. */
function idAt(at: Sql, number: Sql): Sql {
  return sql`(lpad(to_hex((extract(epoch from ${at}) * 1000)::bigint), 12, '0') || '7' || substr(md5((${number})::text), 1, 3)
    || '8' || substr(md5((${number})::text), 4, 15))::uuid`;
}

/**
 * Fills the tables of jobs of a workspace, with the statistics that go with it: finished jobs of 500 paths over the last
 * weeks, one in five a child of a flow before it, each with a line of log; queued ones, most of them due, of two tags.
 * The partitions of those weeks must be there.
 */
export async function fillJobs(db: Database, { workspace, fill }: { workspace: string; fill: Fill }): Promise<void> {
  const { finished, queued } = fill;
  const start = sql`(date_trunc('minute', now()) - make_interval(secs => n * ${(filledWeeks * 7 * 86_400) / finished}::float8))`;
  const before = sql`(date_trunc('minute', now()) - make_interval(secs => (n + 1) * ${(filledWeeks * 7 * 86_400) / finished}::float8))`;
  await db.transaction(async (tx) => {
    await tx.execute(sql`set local statement_timeout = 0`);
    await tx.execute(sql`
      insert into job (id, workspace_id, kind, created_at, created_by, permissioned_as, email, identity, script_path, language,
        tag, args, parent_job)
      select ${idAt(start, sql`n`)}, ${workspace}, 'script', ${start}, 'alice', 'u/alice', 'alice@example.com', '{}',
        'f/shared/s' || n % 500, 'bun', 'bun', '{}', case when n % 5 = 0 then ${idAt(before, sql`n + 1`)} end
      from generate_series(1, ${finished}::int) n`);
    await tx.execute(sql`
      insert into job_done (id, workspace_id, status, started_at, completed_at, duration_ms, result, worker)
      select id, workspace_id, 'success', created_at, created_at, 3, '1', 'wk-gone' from job`);
    await tx.execute(
      sql`insert into job_flow (id, status, revision) select parent_job, '{}', 1 from job where parent_job is not null`,
    );
    await tx.execute(sql`insert into job_log (job_id, position, text) select id, 0, 'done' from job`);
    await tx.execute(sql`
      insert into job_queue (id, workspace_id, tag, scheduled_for, running, attempt, worker, started_at)
      select ${idAt(sql`now()`, sql`-n`)}, ${workspace}, case when n % 10 = 0 then 'gpu' else 'bun' end,
        now() + make_interval(secs => case when n % 10 = 1 then n else -n end), n <= 16, (n <= 16)::int,
        case when n <= 16 then 'wk-test' end, case when n <= 16 then now() end
      from generate_series(1, ${queued}::int) n`);
    await tx.execute(sql`
      insert into job (id, workspace_id, kind, created_by, permissioned_as, email, identity, script_path, language, tag, args)
      select id, workspace_id, 'script', 'alice', 'u/alice', 'alice@example.com', '{}', 'f/shared/s1', 'bun', tag, '{}'
      from job_queue`);
    await tx.execute(sql`analyze job, job_flow, job_done, job_log, job_queue`);
  });
}

/** Fills a workspace with so many items of each kind, in a hundred folders, and as many entries of audit and trash. */
export async function fillItems(db: Database, { workspace, each }: { workspace: string; each: number }): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.execute(sql`set local statement_timeout = 0`);
    await tx.execute(sql`
      insert into script (workspace_id, hash, path, content, language, lock, created_by, created_at)
      select ${workspace}, lpad(to_hex(n), 16, '0'), 'f/f' || n % 100 || '/s' || n, 'echo', 'bash', '', 'alice',
        now() - make_interval(secs => n)
      from generate_series(1, ${each}::int) n`);
    await tx.execute(sql`
      insert into variable (workspace_id, path, value)
      select ${workspace}, 'f/f' || n % 100 || '/v' || n, 'value' from generate_series(1, ${each}::int) n`);
    await tx.execute(sql`
      insert into resource (workspace_id, path, value, resource_type)
      select ${workspace}, 'f/f' || n % 100 || '/r' || n, '{}', 't' || n % 20 from generate_series(1, ${each}::int) n`);
    const named = (letter: string): Sql => sql`'f/f' || n % 100 || ${`/${letter}`} || n`;
    const numbers = sql`generate_series(1, ${each}::int) n`;
    const ago = sql`now() - make_interval(secs => n)`;
    await tx.execute(sql`
      insert into flow (workspace_id, path, value, version, edited_by, edited_at)
      select ${workspace}, ${named("flow")}, '{"modules":[]}', n, 'alice', ${ago} from ${numbers}`);
    await tx.execute(
      sql`insert into app (workspace_id, path, version) select ${workspace}, ${named("app")}, n from ${numbers}`,
    );
    await tx.execute(sql`
      insert into app_version (id, app_id, value, created_by, created_at)
      select version, id, '{}', 'alice', now() from app where workspace_id = ${workspace}`);
    await tx.execute(sql`
      insert into schedule (workspace_id, path, schedule, timezone, script_path, permissioned_as, email, edited_by, edited_at)
      select ${workspace}, ${named("sch")}, '0 0 3 * * *', 'UTC', 'f/f1/s1', 'u/alice', 'alice@example.com', 'alice', ${ago}
      from ${numbers}`);
    await tx.execute(sql`
      insert into http_trigger (workspace_id, path, script_path, is_flow, config, permissioned_as, email, edited_by, edited_at)
      select ${workspace}, ${named("http")}, 'f/f1/s1', false, '{}', 'u/alice', 'alice@example.com', 'alice', ${ago}
      from ${numbers}`);
    await tx.execute(sql`
      insert into audit (workspace_id, username, operation, action_kind, resource)
      select ${workspace}, case when n % 3 = 0 then 'alice' else 'admin' end, 'scripts.create', 'Created', ${named("s")}
      from ${numbers}`);
    await tx.execute(sql`
      insert into trash (workspace_id, item_kind, item_path, item_data, deleted_by)
      select ${workspace}, 'variable', ${named("gone")}, '{}', 'alice' from ${numbers}`);
    await tx.execute(sql`
      analyze script, variable, resource, flow, app, app_version, schedule, http_trigger, audit, trash, draft, favorite`);
  });
}
