import { sql, type Queryable } from "@towermill/store";
import type { Duty } from "../duty.ts";

/** Ticks of a schedule that are always kept: handlers count them, lists show them. */
const kept = 1000;

/** Forgets what became of moments long past. */
export async function forgetHistory(db: Queryable): Promise<void> {
  await db.execute(sql`
    delete from schedule_tick t using (
      select s.workspace_id, s.path, (select x.due from schedule_tick x
        where x.workspace_id = s.workspace_id and x.path = s.path order by x.due desc offset ${kept} limit 1) as before
      from schedule s
    ) old
    where t.workspace_id = old.workspace_id and t.path = old.path and t.due <= old.before
      and t.settled_at < now() - interval '7 days'`);
}

export const scheduleHistory: Duty = {
  name: "schedule_history",
  everyMs: 3_600_000,
  run: ({ db }) => forgetHistory(db),
};
