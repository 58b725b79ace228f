import { ApiError, notFound, type auditOperations } from "@towermill/contract";
import { sql, type Sql } from "@towermill/store";
import type { Call, Handlers } from "../http/call.ts";
import { limitTo } from "../http/page.ts";
import { globalAudit } from "../identity/audit.ts";
import type { Services } from "../services.ts";

interface AuditRow {
  workspace_id: string;
  id: number;
  timestamp: Date;
  username: string;
  operation: string;
  action_kind: string;
  resource: string | null;
  parameters: Record<string, unknown> | null;
}

function shown({ resource, parameters, timestamp, ...row }: AuditRow) {
  return {
    ...row,
    timestamp: timestamp.toISOString(),
    ...(resource === null ? {} : { resource }),
    ...(parameters === null ? {} : { parameters }),
  };
}

const columns = sql`workspace_id, id, timestamp, username, operation, action_kind, resource, parameters`;

type ListCall = Call<(typeof auditOperations)[0]>;

function within({ caller, member, query }: ListCall): Sql {
  if (!query.all_workspaces) return sql`workspace_id = ${member.workspace}`;
  const reader =
    caller.kind === "account" && caller.tokenWorkspace === null && (caller.account.superAdmin || caller.account.devops);
  if (!reader) throw new ApiError("forbidden", "query.all_workspaces: requires devops or super admin");
  return sql`true`;
}

const items = (list: string): string[] => list.split(",").filter((item) => item !== "");

function conditions(call: ListCall): Sql[] {
  const { member, query } = call;
  // Windmill's documentation calls one kind `Create` where its entries say `Created`.
  const kind = query.action_kind === "Create" ? "Created" : query.action_kind;
  return [
    within(call),
    ...(member.isAdmin || query.all_workspaces ? [] : [sql`username = ${member.username}`]),
    ...(query.before ? [sql`timestamp < ${query.before}`] : []),
    ...(query.after ? [sql`timestamp > ${query.after}`] : []),
    ...(query.before_id === undefined ? [] : [sql`id < ${query.before_id}::bigint`]),
    ...(query.username === undefined ? [] : [sql`username = ${query.username}`]),
    ...(query.operation === undefined ? [] : [sql`operation = ${query.operation}`]),
    ...(query.operations === undefined ? [] : [sql`operation = any(${items(query.operations)}::text[])`]),
    ...(query.exclude_operations === undefined
      ? []
      : [sql`operation <> all(${items(query.exclude_operations)}::text[])`]),
    ...(query.resource === undefined ? [] : [sql`resource = ${query.resource}`]),
    ...(kind === undefined ? [] : [sql`action_kind = ${kind}`]),
  ];
}

export function auditHandlers({ db }: Services): Handlers<typeof auditOperations> {
  return {
    async listAuditLogs(call) {
      const rows = await db.query<AuditRow>(sql`
        select ${columns} from audit where ${sql.join(conditions(call), sql` and `)}
        order by id desc ${limitTo(call.query, { perPage: 100 })}`);
      return rows.map(shown);
    },
    async getAuditLog({ caller, member, params }) {
      const superAdmin = caller.kind === "account" && caller.account.superAdmin && caller.tokenWorkspace === null;
      const row = await db.maybe<AuditRow>(sql`
        select ${columns} from audit where id = ${params.id}::bigint
          and (workspace_id = ${member.workspace} or (${superAdmin} and workspace_id = ${globalAudit}))
          and (${member.isAdmin} or username = ${member.username})`);
      if (!row) throw notFound("Audit log", String(params.id));
      return shown(row);
    },
  };
}
