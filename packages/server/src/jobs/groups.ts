import type { Member } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import { composeJson } from "../http/verbatim.ts";
import type { Caller } from "../identity/caller.ts";
import { visibleJobs } from "./job-access.ts";

interface GroupRow {
  kind: "script" | "flow";
  script_path: string;
  script_hash: string;
  schema: string | null;
  latest_schema: string | null;
  job_ids: string[];
}

/** Runs of deployed scripts and flows, grouped by path and within it by version; each group is a JSON text. */
export async function jobGroups(
  db: Queryable,
  call: { caller: Caller; member: Member; body: readonly string[] },
): Promise<string[]> {
  const rows = await db.query<GroupRow>(sql`
    select g.*, coalesce(s.schema, v.schema) as schema, coalesce(head.schema, f.schema) as latest_schema from (
      select j.kind, j.script_path, j.script_hash, array_agg(j.id::text order by j.id) as job_ids from job j
      where j.id = any(${call.body}::uuid[]) and j.workspace_id = ${call.member.workspace}
        and (j.kind = 'script' or (j.kind = 'flow' and j.flow_step_id is null))
        and j.script_path is not null and j.script_hash is not null and ${visibleJobs(call)}
      group by 1, 2, 3) g
    left join script s on g.kind = 'script' and s.workspace_id = ${call.member.workspace} and s.hash = g.script_hash
    left join script head on g.kind = 'script' and head.workspace_id = ${call.member.workspace}
      and head.path = g.script_path and not head.archived and not head.deleted
    left join flow_version v on g.kind = 'flow' and v.workspace_id = ${call.member.workspace} 
      and v.id = case when g.script_hash ~ '^[0-9]{1,18}$' then g.script_hash::bigint end
    left join flow f on g.kind = 'flow' and f.workspace_id = ${call.member.workspace} and f.path = g.script_path
    order by g.script_path, g.kind, g.script_hash`);
  const groups = new Map(rows.map(({ kind, script_path }) => [`${kind} ${script_path}`, { kind, path: script_path }]));
  return [...groups.values()].map(({ kind, path }) => {
    const versions = rows.filter((row) => row.script_path === path && row.kind === kind);
    const schemas = versions.map((row) =>
      composeJson({ script_hash: row.script_hash, job_ids: row.job_ids }, { schema: row.schema ?? "{}" }),
    );
    return composeJson(
      { kind, script_path: path },
      { latest_schema: versions[0]?.latest_schema ?? "{}", schemas: `[${schemas.join(",")}]` },
    );
  });
}
