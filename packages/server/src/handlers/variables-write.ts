import { ApiError, notFound, requireItemPath, type Acl, type variablesOperations } from "@towermill/contract";
import { isUniqueViolation, sql, type Queryable } from "@towermill/store";
import { CipherError, type Vault } from "@towermill/vault";
import type { Call } from "../http/call.ts";
import { requireWritable, requireWriteAt } from "../http/item.ts";
import { audit } from "../identity/audit.ts";
import type { Services } from "../services.ts";
import { deleteLinked, moveLinked } from "./resources-linked.ts";
import { trashLinked } from "./trash-linked.ts";

type CallOf<Id extends string> = Call<Extract<(typeof variablesOperations)[number], { id: Id }>>;

interface StoredVariable {
  value: string;
  is_secret: boolean;
  extra_perms: Acl;
}

function taken(path: string): ApiError {
  return new ApiError("already_exists", `Variable ${path} already exists`);
}

async function lockWritable(
  tx: Queryable,
  call: Pick<CallOf<"deleteVariable">, "member" | "caller">,
  path: string,
): Promise<StoredVariable> {
  const row = await tx.maybe<StoredVariable>(sql`
    select value, is_secret, extra_perms from variable where workspace_id = ${call.member.workspace} and path = ${path} for update`);
  if (!row) throw notFound("Variable", path);
  requireWritable(call, { domain: "variables", kind: "Variable", path, acl: row.extra_perms });
  return row;
}

/** The stored form of the value after an update, which may turn a secret into plain text and back. */
async function updatedValue(
  vault: Vault,
  { member, body, query }: CallOf<"updateVariable">,
  old: StoredVariable,
): Promise<string> {
  const secret = body.is_secret ?? old.is_secret;
  if (typeof body.value === "string") {
    return secret && !query.already_encrypted ? vault.encrypt(member.workspace, body.value) : body.value;
  }
  if (secret === old.is_secret) return old.value;
  if (secret) return vault.encrypt(member.workspace, old.value);
  return vault.decrypt(member.workspace, old.value).catch((error: unknown) => {
    throw error instanceof CipherError ? new ApiError("bad_request", error.message) : error;
  });
}

/** Everything that changes variables. */
export function variableWrites({ db, vault }: Services) {
  const remove = async (
    tx: Queryable,
    call: Pick<CallOf<"deleteVariable">, "member" | "caller">,
    path: string,
  ): Promise<void> => {
    const { extra_perms: acl } = await lockWritable(tx, call, path);
    const { workspace, username } = call.member;
    await trashLinked(tx, call.member, { kind: "variable", path, acl });
    await deleteLinked(tx, "resource", { workspace, path });
    await tx.execute(sql`delete from variable where workspace_id = ${workspace} and path = ${path}`);
    await audit(tx, { workspace, username, operation: "variables.delete", actionKind: "Delete", resource: path });
  };
  return {
    async createVariable(call: CallOf<"createVariable">) {
      const { body, member, query } = call;
      const path = requireItemPath(body.path);
      requireWriteAt(call, { domain: "variables", path });
      const { workspace, username } = member;
      const value =
        body.is_secret && !query.already_encrypted ? await vault.encrypt(workspace, body.value) : body.value;
      await db
        .transaction(async (tx) => {
          await tx.execute(sql`
            insert into variable (workspace_id, path, value, is_secret, description, account, is_oauth, expires_at, labels, ws_specific, edited_by)
            values (${workspace}, ${path}, ${value}, ${body.is_secret}, ${body.description ?? ""}, ${body.account},
              ${body.is_oauth ?? false}, ${body.expires_at}, ${body.labels}, ${body.ws_specific ?? false}, ${username})`);
          await audit(tx, {
            workspace,
            username,
            operation: "variables.create",
            actionKind: "Created",
            resource: path,
          });
        })
        .catch((error: unknown) => {
          throw isUniqueViolation(error) ? taken(path) : error;
        });
      return `variable ${path} created`;
    },
    encryptValue: async ({ body, member }: CallOf<"encryptValue">) => vault.encrypt(member.workspace, body),
    async deleteVariable(call: CallOf<"deleteVariable">) {
      await db.transaction((tx) => remove(tx, call, call.params.path));
      return `variable ${call.params.path} deleted`;
    },
    async deleteVariablesBulk(call: CallOf<"deleteVariablesBulk">) {
      const paths = [...new Set(call.body.paths)];
      await db.transaction(async (tx) => {
        for (const path of paths) await remove(tx, call, path);
      });
      return paths;
    },
    async updateVariable(call: CallOf<"updateVariable">) {
      const { body, member, params } = call;
      const to = body.path && body.path !== params.path ? requireItemPath(body.path) : params.path;
      const { workspace, username } = member;
      await db
        .transaction(async (tx) => {
          const old = await lockWritable(tx, call, params.path);
          if (to !== params.path) {
            requireWriteAt(call, { domain: "variables", path: to });
            await moveLinked(tx, "resource", { workspace, path: params.path, to });
          }
          await tx.execute(sql`
            update variable set path = ${to}, value = ${await updatedValue(vault, call, old)},
              is_secret = ${body.is_secret ?? old.is_secret}, description = coalesce(${body.description}, description),
              labels = ${body.labels === undefined ? sql`labels` : sql`${body.labels}::text[]`},
              ws_specific = coalesce(${body.ws_specific}, ws_specific), edited_by = ${username}, edited_at = now()
            where workspace_id = ${workspace} and path = ${params.path}`);
          await audit(tx, { workspace, username, operation: "variables.update", actionKind: "Updated", resource: to });
        })
        .catch((error: unknown) => {
          throw isUniqueViolation(error) ? taken(to) : error;
        });
      return `variable ${to} updated`;
    },
  };
}
