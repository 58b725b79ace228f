import type { Acl, Member } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import { isLinked } from "./resources-linked.ts";
import { moveToTrash, rowAt } from "./trash-keep.ts";

/** Moves a variable or resource to the trash, together with what is linked to it and goes with it. */
export async function trashLinked(
  tx: Queryable,
  member: Member,
  { kind, path, acl }: { kind: "variable" | "resource"; path: string; acl: Acl },
): Promise<void> {
  const { workspace } = member;
  const other = kind === "variable" ? "resource" : "variable";
  const linked = await isLinked(tx, { workspace, path });
  const rows = [rowAt(member, kind, path), ...(linked ? [rowAt(member, other, path)] : [])];
  const hasHistory = kind === "resource" || linked;
  const history = hasHistory ? [rowAt(member, "resource_version", path)] : [];
  await moveToTrash(tx, member, { kind, path, acl, rows: [...rows, ...history] });
  if (hasHistory) {
    await tx.execute(sql`delete from resource_version where workspace_id = ${workspace} and path = ${path}`);
  }
}
