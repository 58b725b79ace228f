import { jsonElements, jsonMembers, jsonObject } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import { CipherError, type Reseal } from "@towermill/vault";
import { resealDraft } from "./drafts-secret.ts";

/**
 * Encrypts the secrets in drafts and in the trash of a workspace anew, when its key is replaced. One that the present key
 * does not open (it is of a key before) stays as it is: it is no reason to keep the key.
 */
export async function resealKept(tx: Queryable, workspace: string, resealOrThrow: Reseal): Promise<void> {
  const reseal: Reseal = (ciphertext) => {
    try {
      return resealOrThrow(ciphertext);
    } catch (error) {
      if (error instanceof CipherError) return ciphertext;
      throw error;
    }
  };
  const drafts = await tx.query<{ path: string; email: string; value: string }>(
    sql`select path, email, value from draft where workspace_id = ${workspace} and kind = 'variable' for update`,
  );
  for (const { path, email, value } of drafts) {
    const resealed = resealDraft(reseal, { kind: "variable", value });
    if (resealed === value) continue;
    await tx.execute(sql`update draft set value = ${resealed}
      where workspace_id = ${workspace} and kind = 'variable' and path = ${path} and email = ${email}`);
  }
  const trashed = await tx.query<{ id: number; item_data: string }>(
    sql`select id, item_data from trash where workspace_id = ${workspace} and item_kind in ('variable', 'resource') for update`,
  );
  for (const { id, item_data: data } of trashed) {
    const tables = jsonMembers(data);
    const rows = tables.get("variable");
    if (rows === undefined) continue;
    const resealed = jsonElements(rows).map((row) => resealRow(reseal, row));
    tables.set("variable", `[${resealed.join(",")}]`);
    await tx.execute(sql`update trash set item_data = ${jsonObject(tables)} where id = ${id}`);
  }
}

function resealRow(reseal: Reseal, row: string): string {
  const members = jsonMembers(row);
  const value: unknown = JSON.parse(members.get("value") ?? "null");
  if (members.get("is_secret") !== "true" || typeof value !== "string" || value === "") return row;
  return jsonObject(members.set("value", JSON.stringify(reseal(value))));
}
