import { ApiError } from "@towermill/contract";
import { sql, type Database, type Sql } from "@towermill/store";
import { boundWorkspace, emailOf, isSuperAdmin } from "./actor.ts";
import type { Caller } from "./caller.ts";

export interface VisibleWorkspace {
  id: string;
  name: string;
  owner: string;
  color: string | null;
  parent_workspace_id: string | null;
  operator_settings: unknown;
  username: string;
}

/** The caller's workspaces that `filter` (over `w`) lets through: those one is a member of, for super admins all. */
function visible(caller: Caller, filter: Sql): Sql {
  if (caller.kind === "anonymous") throw new ApiError("unauthorized", "Unauthorized");
  const bound = boundWorkspace(caller);
  const account = caller.kind === "account" ? caller.account : null;
  const ownName = account?.username ?? emailOf(caller);
  return sql`
    select w.id, w.name, w.owner, w.color, w.parent_workspace_id, w.settings -> 'operator_settings' as operator_settings,
      coalesce(m.username, ${ownName}) as username
    from workspace w left join member m on m.workspace_id = w.id and m.email = ${emailOf(caller)} and not m.disabled
    where not w.deleted and (m.username is not null or ${isSuperAdmin(caller)})
      and (${bound}::text is null or w.id = ${bound}) and ${filter} order by w.id`;
}

export function visibleWorkspaces(db: Database, caller: Caller): Promise<VisibleWorkspace[]> {
  return db.query<VisibleWorkspace>(visible(caller, sql`true`));
}

/** Whether a workspace exists and the caller may see it; one of others and none at all look alike. */
export async function seesWorkspace(db: Database, caller: Caller, id: string): Promise<boolean> {
  return (await db.maybe(visible(caller, sql`w.id = ${id}`))) !== undefined;
}
