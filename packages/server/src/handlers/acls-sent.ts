import { ApiError, type Member } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import { memberText } from "../http/verbatim.ts";
import { ownsPath } from "./members.ts";

const principal = /^[ug]\/[\w.@+-]{1,258}$/;

function permsIn(text: string): Record<string, boolean> {
  const sent: unknown = JSON.parse(text);
  const entries = typeof sent === "object" && sent !== null && !Array.isArray(sent) ? Object.entries(sent) : null;
  if (!entries?.every(([who, write]) => principal.test(who) && typeof write === "boolean")) {
    throw new ApiError("bad_request", 'body.extra_perms: expected {"u/{username}" or "g/{group}": true or false}');
  }
  return Object.fromEntries(entries) as Record<string, boolean>;
}

/**
 * Sets the permissions that an item's body carries, as `wmill sync push` sends them for kinds whose permissions it does
 * not set apart. Sharing is for owners of the path: sent by others they are left as they are.
 * @throws ApiError `bad_request`
 */
export async function shareAsSent(
  tx: Queryable,
  { member, bodyText }: { member: Member; bodyText: string },
  { table, path }: { table: string; path: string },
): Promise<void> {
  const text = memberText(bodyText, "extra_perms");
  if (text === undefined || text === "null") return;
  const perms = permsIn(text);
  if (!ownsPath(member, path)) return;
  await tx.execute(sql`
    update ${sql.ident(table)} set extra_perms = ${sql.json(perms)}::jsonb
    where workspace_id = ${member.workspace} and path = ${path}`);
}
