import { sql, type Queryable } from "@towermill/store";
import type { JobRow } from "./job-row.ts";

/** The outermost job that a job belongs to: the recorded root, else the top of its parents, else itself. */
export async function rootOf(db: Queryable, row: Pick<JobRow, "id" | "root_job" | "parent_job">): Promise<string> {
  if (row.root_job !== null) return row.root_job;
  if (row.parent_job === null) return row.id;
  const rows = await db.query<{ root: string }>(sql`
    with recursive up as (
      select id, parent_job, root_job, 0 as depth from job where id = ${row.id}
      union all
      select j.id, j.parent_job, j.root_job, up.depth + 1 from up join job j on j.id = up.parent_job
      where up.root_job is null and up.depth < 500
    )
    select coalesce(root_job, parent_job, id) as root from up order by depth desc limit 1`);
  return rows[0]?.root ?? row.id;
}
