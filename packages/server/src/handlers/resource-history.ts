import { jsonStrings, notFound, type Acl, type Member, type resourceHistoryOperations } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import { jsonText } from "../http/answer.ts";
import type { Call, Handlers } from "../http/call.ts";
import { requireReadable, requireWritable } from "../http/item.ts";
import { composeJson } from "../http/verbatim.ts";
import { audit } from "../identity/audit.ts";
import type { Services } from "../services.ts";

type Ops = typeof resourceHistoryOperations;
type CallOf<Id extends string> = Call<Extract<Ops[number], { id: Id }>>;
type Who = Pick<CallOf<"getResourceHistory">, "member" | "caller">;

interface VersionRow {
  id: number;
  version: number;
  path: string;
  value: string | null;
  created_by: string | null;
  created_at: Date;
}

const keptVersions = 100;

/** States and caches are written by every run: their earlier values are not kept. */
const unversioned = ["state", "cache", "app_theme"];

/**
 * Keeps the present value of a resource that is about to be changed, in the changing transaction. Nothing is kept when
 * `next`, JSON text, is the same.
 */
export async function keepResourceVersion(
  tx: Queryable,
  member: Member,
  { path, next }: { path: string; next: string | null },
): Promise<void> {
  await tx.execute(sql`
    insert into resource_version (workspace_id, path, version, value, created_by)
    select r.workspace_id, r.path, coalesce((select max(version) from resource_version v
        where v.workspace_id = r.workspace_id and v.path = r.path), 0) + 1, r.value, ${member.username}
    from resource r where r.workspace_id = ${member.workspace} and r.path = ${path}
      and not r.resource_type = any(${unversioned}::text[]) and r.value::text is distinct from ${next}`);
  await tx.execute(sql`
    delete from resource_version where workspace_id = ${member.workspace} and path = ${path}
      and version <= (select max(version) from resource_version
        where workspace_id = ${member.workspace} and path = ${path}) - ${keptVersions}`);
}

interface Wanted {
  path: string;
  write: boolean;
  /** The version it was asked by. */
  version?: number;
}

async function resourceAt(db: Queryable, who: Who, { path, write, version }: Wanted) {
  const asked = version === undefined ? { kind: "Resource", name: path } : versionName(version);
  const row = await db.maybe<{ extra_perms: Acl; resource_type: string }>(sql`
    select extra_perms, resource_type from resource where workspace_id = ${who.member.workspace} and path = ${path}`);
  if (!row) throw notFound(asked.kind, asked.name);
  const item = { domain: "resources", kind: "Resource", path, acl: row.extra_perms, asked } as const;
  if (write) requireWritable(who, item);
  else requireReadable(who, item);
  return row;
}

function versionName(id: number): { kind: string; name: string } {
  return { kind: "Version of a resource", name: String(id) };
}

async function versionAt(db: Queryable, who: Who, { id, write }: { id: number; write: boolean }): Promise<VersionRow> {
  const row = await db.maybe<VersionRow>(sql`
    select id, version, path, value, created_by, created_at from resource_version
    where workspace_id = ${who.member.workspace} and id = ${id}`);
  if (!row) throw notFound(versionName(id).kind, versionName(id).name);
  await resourceAt(db, who, { path: row.path, write, version: id });
  return row;
}

function shown({ id, version, created_by, created_at }: VersionRow) {
  return { id, version, created_at: created_at.toISOString(), ...(created_by === null ? {} : { created_by }) };
}

/** References of a value, `$var:path` and `$res:path`, to items that do not exist. */
async function missingReferences(db: Queryable, workspace: string, value: string | null): Promise<string[]> {
  const found = value === null ? [] : jsonStrings(value, (text) => /^\$(var|res):/.test(text));
  const missing: string[] = [];
  for (const reference of new Set(found)) {
    const table = sql.ident(reference.startsWith("$var:") ? "variable" : "resource");
    const row = await db.maybe(
      sql`select 1 from ${table} where workspace_id = ${workspace} and path = ${reference.slice(5)}`,
    );
    if (row === undefined) missing.push(reference);
  }
  return missing;
}

/** Earlier values of resources. */
export function resourceHistoryHandlers({ db }: Services): Handlers<Ops> {
  return {
    async getResourceHistory(call) {
      const { path } = call.params;
      const { resource_type } = await resourceAt(db, call, { path, write: false });
      const rows = await db.query<VersionRow>(sql`
        select id, version, path, null as value, created_by, created_at from resource_version
        where workspace_id = ${call.member.workspace} and path = ${path} order by version desc`);
      return { versions: rows.map(shown), versioned: !unversioned.includes(resource_type) };
    },
    async clearResourceHistory(call) {
      const { path } = call.params;
      await resourceAt(db, call, { path, write: true });
      await db.execute(
        sql`delete from resource_version where workspace_id = ${call.member.workspace} and path = ${path}`,
      );
      return `history of resource ${path} cleared`;
    },
    async getResourceVersion(call) {
      const row = await versionAt(db, call, { id: call.params.id, write: false });
      const missing_references = await missingReferences(db, call.member.workspace, row.value);
      return jsonText(composeJson({ ...shown(row), missing_references }, { value: row.value }));
    },
    async restoreResourceVersion(call) {
      const { member } = call;
      const { workspace, username } = member;
      const path = await db.transaction(async (tx) => {
        const row = await versionAt(tx, call, { id: call.params.id, write: true });
        await keepResourceVersion(tx, member, { path: row.path, next: row.value });
        await tx.execute(sql`
          update resource set value = ${row.value}::json, edited_at = now()
          where workspace_id = ${workspace} and path = ${row.path}`);
        await audit(tx, {
          workspace,
          username,
          operation: "resources.update",
          actionKind: "Updated",
          resource: row.path,
        });
        return row.path;
      });
      return `resource ${path} restored`;
    },
  };
}
