import { sql, type Queryable } from "@towermill/store";

export interface AuditEntry {
  /** `global` for what concerns the instance as a whole. */
  workspace: string;
  username: string;
  /** Windmill's name of what happened: `users.login`, `scripts.create`… */
  operation: string;
  actionKind: "Created" | "Updated" | "Delete" | "Execute";
  resource?: string | undefined;
  /** Never secrets. */
  parameters?: Record<string, unknown> | undefined;
}

/** Where entries go that belong to no workspace. */
export const globalAudit = "global";

const unstorable = /[\0\p{Cs}]/gu;

function clean(text: string): string {
  return text.replace(unstorable, "\uFFFD").slice(0, 500);
}

/** Writes one entry; in the caller's transaction when `db` is one, so that nothing happens without its entry. */
export async function audit(db: Queryable, entry: AuditEntry): Promise<void> {
  const parameters =
    entry.parameters &&
    JSON.stringify(entry.parameters, (_, value: unknown) =>
      typeof value === "string" ? value.replace(unstorable, "\uFFFD") : value,
    );
  await db.execute(sql`
    insert into audit (workspace_id, username, operation, action_kind, resource, parameters)
    values (${entry.workspace}, ${clean(entry.username)}, ${entry.operation}, ${entry.actionKind},
            ${entry.resource === undefined ? null : clean(entry.resource)}, ${parameters ?? null}::jsonb)`);
}

/** One entry for each of the resources, which are the platform's own ids, in one statement. */
export async function auditEach(
  db: Queryable,
  { workspace, username, operation, actionKind }: Omit<AuditEntry, "resource" | "parameters">,
  resources: readonly string[],
): Promise<void> {
  if (resources.length === 0) return;
  await db.execute(sql`
    insert into audit (workspace_id, username, operation, action_kind, resource)
    select ${workspace}, ${clean(username)}, ${operation}, ${actionKind}, resource
    from unnest(${[...resources]}::text[]) as resource`);
}
