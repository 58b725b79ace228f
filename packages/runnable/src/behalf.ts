import { ApiError, type Member } from "@towermill/contract";
import type { Queryable } from "@towermill/store";
import { loadGroup } from "./member.ts";
import type { ScriptOptions } from "./script-version.ts";

export interface Behalf {
  /** Rights the job has. */
  member: Member;
  /** `u/{username}` or `g/{group}`. */
  permissionedAs: string;
}

/** Membership of accounts as it is now, cached by whoever has a cache. */
export interface Members {
  memberOf(email: string, workspace: string): Promise<Member | null>;
}

/** Whom a script runs on behalf of; `null` when it runs as whoever starts it. @throws ApiError when they are gone */
export async function behalfOf(
  { db, members }: { db: Queryable; members: Members },
  workspace: string,
  { on_behalf_of: who, on_behalf_of_email: email }: ScriptOptions,
): Promise<Behalf | null> {
  if (who?.startsWith("g/")) {
    const group = who.slice(2);
    const member = await loadGroup(db, { workspace, group, email: email ?? `group-${group}@windmill.dev` });
    return { member, permissionedAs: who };
  }
  if (!email) return null;
  const member = await members.memberOf(email, workspace);
  if (!member)
    throw new ApiError(
      "bad_request",
      `The script runs on behalf of ${email}, who is no member of ${workspace} any more`,
    );
  return { member, permissionedAs: `u/${member.username}` };
}
