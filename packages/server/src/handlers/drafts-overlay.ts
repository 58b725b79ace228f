import { jsonMembers, jsonObject, type Member } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";

/** Kinds whose drafts other people may see and take over. */
export const sharedKinds: readonly string[] = ["script", "flow", "app", "raw_app"];

interface DraftRow {
  email: string;
  value: string;
  edited_at: Date;
  username: string | null;
}

interface Place {
  kind: string;
  path: string;
}

/** Members a `get` with `get_draft=true` adds, as JSON texts; `own` is the caller's draft, if any. */
export interface DraftOverlay {
  own: string | null;
  members: Record<string, string>;
}

export async function draftOverlay(db: Queryable, member: Member, { kind, path }: Place): Promise<DraftOverlay> {
  const rows = await db.query<DraftRow>(sql`
    select d.email, d.value, d.edited_at, m.username
    from draft d left join member m on m.workspace_id = d.workspace_id and m.email = d.email
    where d.workspace_id = ${member.workspace} and d.kind = ${kind} and d.path = ${path}
    order by d.edited_at desc`);
  const own = rows.find((row) => row.email === member.email);
  const others = rows.filter((row) => row !== own && (sharedKinds.includes(kind) || row.email === ""));
  const members: Record<string, string> = { is_draft: String(own !== undefined) };
  if (own) {
    members["draft_saved_at"] = JSON.stringify(own.edited_at);
    members["draft"] = own.value;
    const base = draftMember(own.value, "parent_hash");
    if (base !== undefined && base !== "null") members["draft_base"] = base;
  }
  if (others.length > 0) {
    members["other_drafts_users"] = JSON.stringify(
      others.map(({ username, edited_at }) => ({ username, draft_saved_at: edited_at })),
    );
  }
  return { own: own?.value ?? null, members };
}

/** One member of a draft's JSON; drafts are whatever the editor saved. */
export function draftMember(value: string, name: string): string | undefined {
  return value.trimStart().startsWith("{") ? jsonMembers(value).get(name) : undefined;
}

/** A stored item with the overlay laid over it. */
export function withOverlay(itemJson: string, overlay: Record<string, string>): string {
  return jsonObject(new Map([...jsonMembers(itemJson), ...Object.entries(overlay)]));
}

/** What `get` answers for an item that exists only as the caller's draft. */
export function draftAlone(path: string, own: string, overlay: Record<string, string>): string {
  const fields = own.trimStart().startsWith("{") ? jsonMembers(own) : new Map<string, string>();
  return jsonObject(
    new Map([
      ...fields,
      ["path", JSON.stringify(path)],
      ["draft_only", "true"],
      ["no_deployed", "true"],
      ...Object.entries(overlay),
    ]),
  );
}
