import type { Member } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";

/** What lists of tokens show of one; never its hash. */
export interface ListedToken {
  label: string | null;
  expiration: Date | null;
  prefix: string;
  created_at: Date;
  last_used_at: Date;
  scopes: string[] | null;
  email: string;
  workspace_id: string | null;
  read_only: boolean;
}

/** The columns of {@link ListedToken}. */
export const listedColumns = sql`
  label, expiration, prefix, created_at, last_used_at, scopes, email, workspace_id, read_only`;

/** A token as lists answer it: what is not set is left out. */
export function listedTokenJson(row: ListedToken) {
  return {
    ...(row.label === null ? {} : { label: row.label }),
    ...(row.expiration === null ? {} : { expiration: row.expiration.toISOString() }),
    token_prefix: row.prefix,
    created_at: row.created_at.toISOString(),
    last_used_at: row.last_used_at.toISOString(),
    ...(row.scopes === null ? {} : { scopes: row.scopes }),
    email: row.email,
    ...(row.workspace_id === null ? {} : { workspace_id: row.workspace_id }),
    read_only: row.read_only,
  };
}

/**
 * The tokens made for the webhook of a script or flow, newest first: they name it in a scope. People see their own, admins
 * all.
 * @param scope `jobs:run:scripts:f/a/b`
 */
export function webhookTokens(db: Queryable, member: Member, scope: string): Promise<ListedToken[]> {
  return db.query<ListedToken>(sql`
    select ${listedColumns} from token
    where (workspace_id = ${member.workspace}
        or (workspace_id is null and email in (select email from member where workspace_id = ${member.workspace})))
      and ${scope} = any(scopes)
      and (${member.isAdmin} or email = ${member.email})
    order by created_at desc`);
}
