import { randomBytes } from "node:crypto";
import { sql, type Queryable } from "@towermill/store";
import { seal, unseal, unwrapKey, wrapKey } from "./cipher.ts";

/** What a secret variable's ciphertext is bound to, besides the workspace's own key. */
export const variablePurpose = "variable";

/**
 * The key of a workspace as text, made at first use. It is kept wrapped by the instance key, which is never in the
 * database; neither is bound to the workspace's id, because a workspace may be renamed.
 */
export async function workspaceKey(db: Queryable, instanceKey: Buffer, workspace: string): Promise<string> {
  const read = sql`select wrapped from workspace_key where workspace_id = ${workspace}`;
  const known = await db.maybe<{ wrapped: Buffer }>(read);
  if (known) return unwrapKey(known.wrapped, instanceKey);
  const fresh = wrapKey(randomBytes(48).toString("base64url"), instanceKey);
  await db.execute(
    sql`insert into workspace_key (workspace_id, wrapped) values (${workspace}, ${fresh}) on conflict do nothing`,
  );
  return unwrapKey((await db.one<{ wrapped: Buffer }>(read)).wrapped, instanceKey);
}

/** Encrypts a secret anew under the key that replaces the one it was encrypted with. @throws CipherError */
export type Reseal = (ciphertext: string) => string;

/**
 * Sets another key for a workspace and, unless `keepValues` (they are about to be written under the new key), encrypts its
 * secret variables anew. To be called in a transaction; publish `changed` `vault:{workspace}` after it.
 * @returns what does the same for secrets that are kept elsewhere
 * @throws CipherError when a secret cannot be read with the present key
 */
export async function replaceWorkspaceKey(
  tx: Queryable,
  {
    instanceKey,
    workspace,
    key,
    keepValues,
  }: { instanceKey: Buffer; workspace: string; key: string; keepValues: boolean },
): Promise<Reseal> {
  const old = await workspaceKey(tx, instanceKey, workspace);
  await tx.execute(
    sql`update workspace_key set wrapped = ${wrapKey(key, instanceKey)} where workspace_id = ${workspace}`,
  );
  const reseal: Reseal = (ciphertext) => seal(unseal(ciphertext, old, variablePurpose), key, variablePurpose);
  if (keepValues) return reseal;
  const secrets = await tx.query<{ path: string; value: string }>(
    sql`select path, value from variable where workspace_id = ${workspace} and is_secret and value <> '' for update`,
  );
  const values = secrets.map(({ value }) => reseal(value));
  await tx.execute(sql`
    update variable v set value = n.value
    from unnest(${secrets.map(({ path }) => path)}::text[], ${values}::text[]) as n (path, value)
    where v.workspace_id = ${workspace} and v.path = n.path`);
  return reseal;
}
