import type { Acl, Member, ScopeDomain } from "@towermill/contract";
import { sql, type Queryable, type Sql } from "@towermill/store";
import { scopesAllow } from "@towermill/contract";
import { patternsOf, scopesOf } from "../http/item.ts";
import { visible } from "../http/visibility.ts";
import type { Caller } from "../identity/caller.ts";

export interface Reader {
  db: Queryable;
  member: Member;
  caller: Caller;
}

export interface Readable {
  path: string;
  extra_perms: Acl;
}

const pageSize = 500;

/** A token for reading the workspace reads its items too; one that names kinds of items reads those. */
function patternsFor({ caller }: Reader, domain: ScopeDomain): string[] | null {
  const scopes = scopesOf(caller);
  const whole = scopesAllow(scopes, { domain: "workspaces", action: "read" });
  return whole ? null : patternsOf(caller, domain);
}

interface Source {
  domain: ScopeDomain;
  columns: Sql;
  /** Named `t` by the columns. */
  table: Sql;
  condition?: Sql;
}

/** Every row of a kind that the reader may read, in the order of paths, read page by page. */
export async function* readableRows<Row extends Readable>(
  reader: Reader,
  { domain, columns, table, condition = sql`true` }: Source,
): AsyncGenerator<Row> {
  const { db, member } = reader;
  const seen = visible(member, patternsFor(reader, domain), { path: sql`t.path`, extraPerms: sql`t.extra_perms` });
  for (let after = ""; ;) {
    const rows = await db.query<Row & object>(sql`
      select ${columns} from ${table} t
      where t.workspace_id = ${member.workspace} and t.path > ${after} and ${condition} and ${seen}
      order by t.path limit ${pageSize}`);
    yield* rows;
    const last = rows.at(-1);
    if (rows.length < pageSize || !last) return;
    after = last.path;
  }
}
