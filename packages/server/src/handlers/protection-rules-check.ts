import { ApiError, type Member, type ProtectionRuleKind } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";

/**
 * Names of the rule sets that restrict a member in one of the given ways: those that neither name the member nor one of
 * the member's groups (`name` or `g/name`, `username`, `u/username` or the address) as exempt.
 */
async function restrictedBy(db: Queryable, member: Member, kinds: readonly ProtectionRuleKind[]): Promise<string[]> {
  const groups = member.groups.flatMap((group) => [group, `g/${group}`]);
  const names = [member.username, `u/${member.username}`, member.email];
  const rows = await db.query<{ name: string }>(sql`
    select name from protection_rule
    where workspace_id = ${member.workspace} and rules && ${[...kinds]}::text[]
      and not bypass_groups && ${groups}::text[] and not bypass_users && ${names}::text[]
    order by name`);
  return rows.map(({ name }) => name);
}

async function requireUnrestricted(
  db: Queryable,
  member: Member,
  { kinds, what }: { kinds: readonly ProtectionRuleKind[]; what: string },
): Promise<void> {
  const [name] = await restrictedBy(db, member, kinds);
  if (name === undefined) return;
  throw new ApiError(
    "forbidden",
    `${what} is restricted in ${member.workspace} by the protection rule ${JSON.stringify(name)}`,
  );
}

/**
 * Whether a member may change what is deployed here: `DisableDirectDeployment` restricts everyone who is not exempt,
 * `RestrictDeployToDeployers` leaves admins and members of `wm_deployers` out.
 * @throws ApiError `forbidden`
 */
export async function requireDeployer(db: Queryable, member: Member): Promise<void> {
  const deployer = member.isAdmin || member.groups.includes("wm_deployers");
  const kinds: ProtectionRuleKind[] = ["DisableDirectDeployment"];
  if (!deployer) kinds.push("RestrictDeployToDeployers");
  await requireUnrestricted(db, member, { kinds, what: "Deploying" });
}

/** @throws ApiError `forbidden` when the member may not make apps that run for anybody, or for guests */
export async function requireAppModeAllowed(db: Queryable, member: Member, mode: string): Promise<void> {
  if (mode === "anonymous") {
    await requireUnrestricted(db, member, { kinds: ["RestrictAnonymousAppDeployment"], what: "An app without login" });
  }
  if (mode === "guest") {
    await requireUnrestricted(db, member, { kinds: ["RestrictGuestAppDeployment"], what: "An app for guests" });
  }
}

/** @throws ApiError `forbidden` when the member may not make a fork of the workspace */
export async function requireForkingAllowed(db: Queryable, member: Member): Promise<void> {
  await requireUnrestricted(db, member, { kinds: ["DisableWorkspaceForking"], what: "Forking" });
}
