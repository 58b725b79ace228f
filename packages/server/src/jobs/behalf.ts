import { ApiError, folderAccess, type Acl, type Member } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import type { Authentication } from "../identity/authentication.ts";
import type { ScriptOptions } from "./runnable.ts";

interface Behalf {
  /** Rights the job has. */
  member: Member;
  /** `u/{username}` or `g/{group}`. */
  permissionedAs: string;
}

interface FolderRow {
  name: string;
  owners: string[];
  extra_perms: Acl;
}

/** A group as a member: it has what its folders and items grant it, and nothing of a user's own. */
async function groupMember(db: Queryable, { workspace, group, email }: { workspace: string; group: string; email: string }): Promise<Member> {
  const who = [`g/${group}`, "g/all"];
  const folders = await db.query<FolderRow>(sql`select name, owners, extra_perms from folder
    where workspace_id = ${workspace} and (owners && ${who}::text[] or extra_perms ?| ${who}::text[])`);
  const having = (...wanted: (string | null)[]): string[] =>
    folders.filter((folder) => wanted.includes(folderAccess(folder, who))).map((folder) => folder.name);
  return {
    workspace,
    email,
    username: `group-${group}`,
    isAdmin: false,
    isOperator: false,
    groups: [...new Set([group, "all"])],
    foldersRead: having("read", "write", "owner"),
    foldersWrite: having("write", "owner"),
    foldersOwned: having("owner"),
  };
}

/** Whom a script runs on behalf of; `null` when it runs as whoever starts it. @throws ApiError when they are gone */
export async function behalfOf(
  { db, auth }: { db: Queryable; auth: Pick<Authentication, "memberOf"> },
  workspace: string,
  { on_behalf_of: who, on_behalf_of_email: email }: ScriptOptions,
): Promise<Behalf | null> {
  if (who?.startsWith("g/")) {
    const group = who.slice(2);
    const member = await groupMember(db, { workspace, group, email: email ?? `group-${group}@windmill.dev` });
    return { member, permissionedAs: who };
  }
  if (!email) return null;
  const member = await auth.memberOf(email, workspace);
  if (!member) throw new ApiError("bad_request", `The script runs on behalf of ${email}, who is no member of ${workspace} any more`);
  return { member, permissionedAs: `u/${member.username}` };
}
