import {
  allowed,
  ApiError,
  jsonMembers,
  notFound,
  type Acl,
  type Member,
  type trashOperations,
} from "@towermill/contract";
import { isUniqueViolation, sql, type Queryable } from "@towermill/store";
import { CipherError, type Vault } from "@towermill/vault";
import { jsonText } from "../http/answer.ts";
import type { Handlers } from "../http/call.ts";
import { composeJson } from "../http/verbatim.ts";
import { visible } from "../http/visibility.ts";
import { audit } from "../identity/audit.ts";
import type { Services } from "../services.ts";
import { requireDeployer } from "./protection-rules-check.ts";

interface TrashRow {
  id: number;
  workspace_id: string;
  item_kind: string;
  item_path: string;
  extra_perms: Acl;
  item_data: string;
  deleted_by: string;
  deleted_at: Date;
  expires_at: Date;
}

function listed({ id, workspace_id, item_kind, item_path, deleted_by, deleted_at, expires_at }: TrashRow) {
  return {
    id,
    workspace_id,
    item_kind,
    item_path,
    deleted_by,
    deleted_at: deleted_at.toISOString(),
    expires_at: expires_at.toISOString(),
  };
}

async function found(db: Queryable, member: Member, { id, write }: { id: number; write: boolean }): Promise<TrashRow> {
  const row = await db.maybe<TrashRow>(
    sql`select * from trash where workspace_id = ${member.workspace} and id = ${id} and expires_at > now()`,
  );
  if (!row || !allowed(member, "read", row.item_path, row.extra_perms)) throw notFound("Item of the trash", String(id));
  if (write && !allowed(member, "write", row.item_path, row.extra_perms)) {
    throw new ApiError("forbidden", `u/${member.username} may not write ${row.item_path}`);
  }
  return row;
}

/** A secret of before the workspace's key was changed could never be read again. @throws ApiError `conflict` */
async function requireReadableSecrets(vault: Vault, row: TrashRow): Promise<void> {
  const variables =
    (JSON.parse(row.item_data) as { variable?: { is_secret: boolean; value: string }[] }).variable ?? [];
  for (const { value } of variables.filter((variable) => variable.is_secret)) {
    await vault.decrypt(row.workspace_id, value).catch((error: unknown) => {
      if (!(error instanceof CipherError)) throw error;
      throw new ApiError(
        "conflict",
        `${row.item_kind} ${row.item_path} was encrypted with an earlier key of the workspace and cannot be restored`,
      );
    });
  }
}

async function putBack(tx: Queryable, row: TrashRow): Promise<void> {
  // The workspace may have another id by now; tables without that column leave it out.
  const place = { workspace_id: row.workspace_id };
  // Who was given access may have left meanwhile, and another taken the name: what the trash still says counts.
  const main = row.item_kind === "raw_app" ? "app" : row.item_kind;
  for (const [name, rows] of jsonMembers(row.item_data)) {
    const table = sql.ident(name);
    const now = sql.json(name === main ? { ...place, extra_perms: row.extra_perms } : place);
    await tx.execute(sql`
      insert into ${table} overriding system value
      select n.* from json_array_elements(${rows}::json) with ordinality r (item, position),
        json_populate_record(json_populate_record(null::${table}, r.item), ${now}::json) n
      order by r.position`);
  }
  await tx.execute(sql`delete from trash where id = ${row.id}`);
}

function restoring({ db, vault, bus }: Services) {
  return async (member: Member, id: number): Promise<string> => {
    const row = await db
      .transaction(async (tx) => {
        await tx.query(sql`select from trash where id = ${id} for update`);
        const item = await found(tx, member, { id, write: true });
        if (!["variable", "resource"].includes(item.item_kind)) await requireDeployer(tx, member);
        await requireReadableSecrets(vault, item);
        await putBack(tx, item);
        const { workspace, username } = member;
        const resource = `${item.item_kind}/${item.item_path}`;
        await audit(tx, { workspace, username, operation: "trash.restore", actionKind: "Created", resource });
        return item;
      })
      .catch((error: unknown) => {
        if (!isUniqueViolation(error)) throw error;
        throw new ApiError("already_exists", `Item ${id} of the trash: something exists at its path, move that first`);
      });
    bus.publish("changed", [`${row.item_kind}:${row.workspace_id}:${row.item_path}`]);
    return `restored ${row.item_kind} ${row.item_path}`;
  };
}

/** Deleted items, for three days. */
export function trashHandlers(services: Services): Handlers<typeof trashOperations> {
  const { db } = services;
  const restore = restoring(services);
  return {
    async listTrash({ member, query }) {
      const seen = visible(member, null, { path: sql`item_path`, extraPerms: sql`extra_perms` });
      const size = query.per_page ?? 100;
      const rows = await db.query<TrashRow>(sql`
        select id, workspace_id, item_kind, item_path, deleted_by, deleted_at, expires_at from trash
        where workspace_id = ${member.workspace} and expires_at > now() and ${seen}
          ${query.item_kind === undefined ? sql.empty : sql`and item_kind = ${query.item_kind}`}
        order by id desc limit ${size} offset ${Math.min((query.page ?? 0) * size, Number.MAX_SAFE_INTEGER)}::bigint`);
      return rows.map(listed);
    },
    async getTrashItem({ member, params }) {
      const row = await found(db, member, { id: params.id, write: false });
      return jsonText(composeJson(listed(row), { item_data: row.item_data }));
    },
    restoreTrashItem: ({ member, params }) => restore(member, params.id),
    async permanentlyDeleteTrashItem({ member, params }) {
      const { workspace, username } = member;
      const row = await found(db, member, { id: params.id, write: true });
      const resource = `${row.item_kind}/${row.item_path}`;
      await db.transaction(async (tx) => {
        await tx.execute(sql`delete from trash where workspace_id = ${workspace} and id = ${params.id}`);
        await audit(tx, { workspace, username, operation: "trash.delete", actionKind: "Delete", resource });
      });
      return `deleted ${row.item_kind} ${row.item_path} for good`;
    },
    async emptyTrash({ member: { workspace, username } }) {
      const deleted = await db.transaction(async (tx) => {
        await audit(tx, { workspace, username, operation: "trash.empty", actionKind: "Delete", resource: workspace });
        return tx.execute(sql`delete from trash where workspace_id = ${workspace}`);
      });
      return `deleted ${deleted} items for good`;
    },
  };
}
