import type { flowsOperations } from "@towermill/contract";
import { sql } from "@towermill/store";
import type { Call } from "../http/call.ts";
import { readableFlow } from "../flows/find.ts";
import type { Services } from "../services.ts";
import { triggerCounts } from "./triggers-runnable.ts";

type CallOf<Id extends string> = Call<Extract<(typeof flowsOperations)[number], { id: Id }>>;

interface TokenRow {
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

function tokenJson(row: TokenRow) {
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

/** What starts a flow: schedules, and tokens made for its webhook. */
export function flowTriggers({ db }: Services) {
  /** Tokens made for a webhook name the flow in a scope; people see their own, admins all. */
  const tokensOf = ({ member, params }: Pick<CallOf<"listTokensOfFlow">, "member" | "params">): Promise<TokenRow[]> =>
    db.query<TokenRow>(sql`
      select label, expiration, prefix, created_at, last_used_at, scopes, email, workspace_id, read_only from token
      where (workspace_id = ${member.workspace}
          or (workspace_id is null and email in (select email from member where workspace_id = ${member.workspace})))
        and ${`jobs:run:flows:${params.path}`} = any(scopes)
        and (${member.isAdmin} or email = ${member.email})
      order by created_at desc`);
  return {
    async getTriggersCountOfFlow(call: CallOf<"getTriggersCountOfFlow">) {
      const { path } = await readableFlow(db, call, call.params.path);
      const counts = await triggerCounts(db, { workspace: call.member.workspace, path, isFlow: true });
      return { ...counts, webhook_count: (await tokensOf(call)).length };
    },
    async listTokensOfFlow(call: CallOf<"listTokensOfFlow">) {
      await readableFlow(db, call, call.params.path);
      return (await tokensOf(call)).map(tokenJson);
    },
  };
}
