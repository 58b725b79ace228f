import {
  allowed,
  ApiError,
  notFound,
  principals,
  type Acl,
  type Member,
  type RequiredScope,
} from "@towermill/contract";
import { sql, type Queryable, type Sql } from "@towermill/store";
import { memberIn, requireScope } from "../http/access.ts";
import { visible } from "../http/visibility.ts";
import type { Authentication } from "../identity/authentication.ts";
import type { Caller } from "../identity/caller.ts";
import type { Services } from "../services.ts";
import { findJob, type JobRow } from "./job-row.ts";

interface Who {
  caller: Caller;
  member: Member | null;
}

/** `if_jobs:filter_tags:a,b` narrows a token to jobs of these tags; `null` = all. */
export function tagsOf(caller: Caller): string[] | null {
  if (caller.kind !== "account" || caller.scopes === null) return null;
  const prefix = "if_jobs:filter_tags:";
  const lists = caller.scopes.filter((scope) => scope.startsWith(prefix));
  return lists.length === 0 ? null : lists.flatMap((scope) => scope.slice(prefix.length).split(","));
}

function isOwn(row: Pick<JobRow, "created_by" | "permissioned_as">, member: Member): boolean {
  return row.created_by === member.username || row.permissioned_as === `u/${member.username}`;
}

async function aclOf(db: Queryable, { workspace_id, kind, script_path }: JobRow): Promise<Acl> {
  const row = await db.maybe<{ extra_perms: Acl }>(
    kind === "flow"
      ? sql`select extra_perms from flow where workspace_id = ${workspace_id} and path = ${script_path} and not archived`
      : sql`select extra_perms from script
          where workspace_id = ${workspace_id} and path = ${script_path} and not archived and not deleted`,
  );
  return row?.extra_perms ?? {};
}

/** One's own jobs, those of runnables one may read unless they are hidden from the path's owner; admins all. */
async function maySee(db: Queryable, row: JobRow, member: Member): Promise<boolean> {
  if (member.isAdmin || isOwn(row, member)) return true;
  if (!row.visible_to_owner || row.script_path === null) return false;
  if (allowed(member, "read", row.script_path)) return true;
  return allowed(member, "read", row.script_path, await aclOf(db, row));
}

/** Condition for the jobs a caller may see: the same decision as for one job. Uses the alias `j`. */
export function visibleJobs({ caller, member }: { caller: Caller; member: Member }): Sql {
  const tags = tagsOf(caller);
  const inTags = tags === null ? sql`true` : sql`j.tag = any(${tags}::text[])`;
  if (member.isAdmin) return inTags;
  const extraPerms = sql`coalesce(case when j.kind = 'flow'
    then (select f.extra_perms from flow f where f.workspace_id = j.workspace_id and f.path = j.script_path and not f.archived)
    else (select s.extra_perms from script s where s.workspace_id = j.workspace_id
      and s.path = j.script_path and not s.archived and not s.deleted) end, '{}'::jsonb)`;
  const byPath = visible(member, null, { path: sql`j.script_path`, extraPerms });
  const [self = ""] = principals(member);
  return sql`(${inTags} and (j.created_by = ${member.username} or j.permissioned_as = ${self}
    or (j.visible_to_owner and j.script_path is not null and ${byPath})))`;
}

/** The scope and, for changes, the writing token that an open operation does not get checked by itself. */
function requireOpenAccess(caller: Caller, scope: RequiredScope): void {
  if (caller.kind === "anonymous") throw new ApiError("unauthorized", "Unauthorized: this job needs a token");
  requireScope(caller, scope);
  if (caller.kind === "account" && caller.readOnly && scope.action !== "read") {
    throw new ApiError("forbidden", "This token is read-only");
  }
}

/** Who a change is written down as. */
export function nameOf({ caller, member }: Who): string {
  return member?.username ?? (caller.kind === "account" ? caller.account.email : "anonymous");
}

interface Asked {
  workspace: string;
  id: string;
  action: "read" | "write";
}

/**
 * A job the caller may see. Jobs created by `anonymous` (visitors of public apps) are open to whoever knows their id.
 * @throws ApiError `not_found`, the same for a hidden job, `unauthorized`, `missing_scope`
 */
export async function requireJob({ db }: Services, who: Who, { workspace, id, action }: Asked): Promise<JobRow> {
  const row = await findJob(db, workspace, id);
  if (row?.created_by === "anonymous") return row;
  requireOpenAccess(who.caller, { domain: "jobs", action });
  if (!who.member) throw new ApiError("forbidden", `Not a member of workspace ${workspace}, or it does not exist`);
  const tags = tagsOf(who.caller);
  if (!row || (tags !== null && !tags.includes(row.tag)) || !(await maySee(db, row, who.member)))
    throw notFound("Job", id);
  return row;
}

interface AnyWorkspace {
  auth: Authentication;
  caller: Caller;
  id: string;
}

/** A job known only by its id, for operations outside of a workspace. @throws ApiError `not_found` */
export async function requireJobOfAnyWorkspace(
  services: Services,
  { auth, caller, id }: AnyWorkspace,
): Promise<JobRow> {
  const home = await services.db.maybe<{ workspace_id: string }>(sql`select workspace_id from job where id = ${id}`);
  const member = home ? await memberIn(auth, caller, home.workspace_id) : null;
  if (!home || !member) throw notFound("Job", id);
  return requireJob(services, { caller, member }, { workspace: home.workspace_id, id, action: "read" });
}
