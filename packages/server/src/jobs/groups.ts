import type { Member } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import { composeJson } from "../http/verbatim.ts";
import type { Caller } from "../identity/caller.ts";
import { visibleJobs } from "./job-access.ts";

interface GroupRow {
  script_path: string;
  script_hash: string;
  schema: string | null;
  latest_schema: string | null;
  job_ids: string[];
}

/** Runs of deployed scripts, grouped by path and within it by version; each group is a JSON text. */
export async function jobGroups(
  db: Queryable,
  call: { caller: Caller; member: Member; body: readonly string[] },
): Promise<string[]> {
  const rows = await db.query<GroupRow>(sql`
    select g.*, s.schema, head.schema as latest_schema from (
      select j.script_path, j.script_hash, array_agg(j.id::text order by j.id) as job_ids from job j
      where j.id = any(${call.body}::uuid[]) and j.workspace_id = ${call.member.workspace} and j.kind = 'script'
        and j.script_path is not null and j.script_hash is not null and ${visibleJobs(call)}
      group by 1, 2) g
    left join script s on s.workspace_id = ${call.member.workspace} and s.hash = g.script_hash
    left join script head on head.workspace_id = ${call.member.workspace} and head.path = g.script_path
      and not head.archived and not head.deleted
    order by g.script_path, g.script_hash`);
  const paths = [...new Set(rows.map((row) => row.script_path))];
  return paths.map((path) => {
    const versions = rows.filter((row) => row.script_path === path);
    const schemas = versions.map((row) =>
      composeJson({ script_hash: row.script_hash, job_ids: row.job_ids }, { schema: row.schema ?? "{}" }),
    );
    return composeJson(
      { kind: "script", script_path: path },
      { latest_schema: versions[0]?.latest_schema ?? "{}", schemas: `[${schemas.join(",")}]` },
    );
  });
}
