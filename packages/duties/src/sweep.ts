import { sql } from "@towermill/store";
import type { Duty } from "./duty.ts";

/** Removes what has run out: cached results, expired tokens, code stored for previews, login failures, dead workers. */
export const sweep: Duty = {
  name: "sweep",
  everyMs: 60_000,
  async run({ db }) {
    await db.execute(sql`delete from result_cache where expires_at < now()`);
    await db.execute(sql`delete from token where expiration < now() - interval '7 days'`);
    await db.execute(sql`delete from raw_script_temp where created_at < now() - interval '1 day'`);
    await db.execute(sql`delete from login_failure where at < now() - interval '1 day'`);
    await db.execute(sql`delete from worker where last_ping < now() - interval '1 hour'`);
    await db.execute(sql`delete from variable where expires_at < now()`);
    await db.execute(
      sql`delete from concurrency_slot s where ended_at is not null and ended_at < now() - interval '1 day'`,
    );
    await db.execute(sql`delete from concurrency_slot s
      where ended_at is null and started_at < now() - interval '1 minute'
        and not exists (select from job_queue q where q.id = s.job_id)`);
    await db.execute(sql`delete from debounce d where not exists (select from job_queue q where q.id = d.job_id)`);
    await db.execute(sql`delete from job_live l where not exists (select from job_queue q where q.id = l.id)`);
  },
};
