import type { Member } from "@towermill/contract";
import { sql, type Sql } from "@towermill/store";
import { patternsOf } from "../http/item.ts";
import type { Caller } from "../identity/caller.ts";
import { listedScripts, type ListedScriptRow, type ScriptFilter } from "../scripts/list.ts";
import { listedFlows } from "./list.ts";

/** A script or a flow in a list across kinds. */
export interface ListedRunnable extends Omit<ListedScriptRow, "language" | "kind"> {
  type: "script" | "flow";
  /** `null` for flows. */
  language: string | null;
  /** `null` for flows. */
  kind: string | null;
}

interface Who {
  caller: Caller;
  member: Member;
}

const columns = (type: Sql, at: Sql): Sql => sql`
  ${type} as type, s.path, s.summary, ${at} as created_at, s.options, s.extra_perms, s.archived, s.draft_only,
  s.has_deploy_errors, s.starred, s.is_draft, s.draft_users`;

/** Whether a list across kinds (`script,flow`) asks for one; without a list it asks for all. */
function wants(kinds: string | undefined, kind: string): boolean {
  return kinds === undefined || kinds === "" || kinds.split(",").includes(kind);
}

/** Scripts and flows a member may read, as a relation of {@link ListedRunnable}s; `null` when no kind is wanted. */
export function listedRunnables({ caller, member }: Who, kinds: string | undefined, filter: ScriptFilter): Sql | null {
  const scripts = listedScripts({ member, patterns: patternsOf(caller, "scripts") }, filter);
  const flows = listedFlows({ member, patterns: patternsOf(caller, "flows") }, filter);
  const parts = [
    ...(wants(kinds, "script")
      ? [sql`select ${columns(sql`'script'`, sql`s.created_at`)}, s.hash, s.language, s.kind from (${scripts}) s`]
      : []),
    ...(wants(kinds, "flow")
      ? [
          sql`select ${columns(sql`'flow'`, sql`s.edited_at`)}, null::text as hash, null::text as language, null::text as kind
          from (${flows}) s`,
        ]
      : []),
  ];
  return parts.length === 0 ? null : sql.join(parts, sql` union all `);
}
