import { allowed, ApiError, notFound, type Acl, type EditedSchedule, type Member } from "@towermill/contract";
import { loadMember, permissionedAsOf } from "@towermill/runnable";
import { sql, type Queryable } from "@towermill/store";

/** A script or flow that a schedule names. */
interface Named {
  isFlow: boolean;
  path: string;
}

async function aclOf(tx: Queryable, workspace: string, { isFlow, path }: Named): Promise<Acl | null> {
  const row = await tx.maybe<{ extra_perms: Acl }>(
    isFlow
      ? sql`select extra_perms from flow where workspace_id = ${workspace} and path = ${path} and not archived`
      : sql`select extra_perms from script where workspace_id = ${workspace} and path = ${path} and not archived and not deleted`,
  );
  return row?.extra_perms ?? null;
}

/** @throws ApiError `not_found` when what the schedule runs does not exist or the member may not see it */
export async function requireRunnable(tx: Queryable, member: Member, named: Named): Promise<void> {
  const acl = await aclOf(tx, member.workspace, named);
  if (!acl || !allowed(member, "read", named.path, acl)) throw notFound(named.isFlow ? "Flow" : "Script", named.path);
}

/**
 * Handlers run as a group of their own, so only those may be named that one may read oneself. They may come later.
 * @throws ApiError `forbidden`
 */
export async function requireHandlers(
  tx: Queryable,
  member: Member,
  body: Pick<EditedSchedule, "on_failure" | "on_recovery" | "on_success">,
): Promise<void> {
  for (const field of ["on_failure", "on_recovery", "on_success"] as const) {
    const [kind = "", ...rest] = (body[field] ?? "").split("/");
    const path = rest.join("/");
    if (path === "" || path.startsWith("hub/")) continue;
    const acl = await aclOf(tx, member.workspace, { isFlow: kind === "flow", path });
    if (!allowed(member, "read", path, acl ?? {}))
      throw new ApiError("forbidden", `${field}: u/${member.username} may not read ${path}`);
  }
}

export interface ActsAs {
  permissioned_as: string;
  email: string;
}

async function principalNamed(tx: Queryable, workspace: string, name: string): Promise<ActsAs> {
  if (name.startsWith("g/")) return { permissioned_as: name, email: `group-${name.slice(2)}@windmill.dev` };
  const username = name.replace(/^u\//, "");
  const row = await tx.maybe<{ email: string }>(sql`
    select email from member where workspace_id = ${workspace} and not disabled and (username = ${username} or email = ${username})
    union all select email from account where super_admin and not disabled and (username = ${username} or email = ${username}) limit 1`);
  if (!row) throw new ApiError("bad_request", `permissioned_as: ${name} names no member of ${workspace}`);
  const member = await loadMember(tx, row.email, workspace);
  return { permissioned_as: member ? `u/${member.username}` : name, email: row.email };
}

/**
 * Whom a schedule acts as: whoever saves it, unless an admin or a member of `wm_deployers` asks to keep another.
 * @throws ApiError `bad_request` when that names nobody
 */
export async function actsAs(
  tx: Queryable,
  member: Member,
  body: Pick<EditedSchedule, "permissioned_as" | "preserve_permissioned_as">,
): Promise<ActsAs> {
  const mayKeep = member.isAdmin || member.groups.includes("wm_deployers");
  if (body.preserve_permissioned_as && body.permissioned_as && mayKeep) {
    return principalNamed(tx, member.workspace, body.permissioned_as);
  }
  return { permissioned_as: permissionedAsOf(member), email: member.email };
}
