import type { Member, ScopeDomain } from "@towermill/contract";
import { sql, type Database } from "@towermill/store";
import { patternsOf } from "../http/item.ts";
import { visible } from "../http/visibility.ts";
import type { Caller } from "./caller.ts";

const kinds: readonly { kind: string; domain: ScopeDomain }[] = [
  { kind: "variable", domain: "variables" },
  { kind: "resource", domain: "resources" },
];

/** Variables and resources that are marked as this workspace's own, as far as the caller may read them. */
export async function wsSpecificItems(
  db: Database,
  caller: Caller,
  member: Member,
): Promise<{ item_kind: string; path: string }[]> {
  const found: { item_kind: string; path: string }[] = [];
  for (const { kind, domain } of kinds) {
    const mayRead = visible(member, patternsOf(caller, domain), { path: sql`path`, extraPerms: sql`extra_perms` });
    const rows = await db.query<{ path: string }>(sql`
      select path from ${sql.ident(kind)}
      where workspace_id = ${member.workspace} and ws_specific and ${mayRead} order by path`);
    found.push(...rows.map(({ path }) => ({ item_kind: kind, path })));
  }
  return found;
}
