import { jsonMembers, jsonObject } from "@towermill/contract";
import type { Reseal, Vault } from "@towermill/vault";

/** A draft as it is kept or shown. */
export interface DraftText {
  kind: string;
  /** JSON text of whatever the editor saved. */
  value: string;
}

const mark = "$sealed:";

/** The value in the draft of a secret variable; `null` in every other draft. */
function secretIn({ kind, value }: DraftText): { members: Map<string, string>; secret: string } | null {
  if (kind !== "variable" || !value.trimStart().startsWith("{")) return null;
  const members = jsonMembers(value);
  const secret: unknown = JSON.parse(members.get("value") ?? "null");
  if (members.get("is_secret")?.trim() !== "true" || typeof secret !== "string" || secret === "") return null;
  return { members, secret };
}

/** What is stored of a draft: of a secret variable, its value is encrypted. */
export async function sealDraft(vault: Vault, workspace: string, draft: DraftText): Promise<string> {
  const found = secretIn(draft);
  if (!found) return draft.value;
  const sealed = `${mark}${await vault.encrypt(workspace, found.secret)}`;
  return jsonObject(found.members.set("value", JSON.stringify(sealed)));
}

/** A stored draft under another key of the workspace. */
export function resealDraft(reseal: Reseal, draft: DraftText): string {
  const found = secretIn(draft);
  if (!found?.secret.startsWith(mark)) return draft.value;
  return jsonObject(found.members.set("value", JSON.stringify(`${mark}${reseal(found.secret.slice(mark.length))}`)));
}

/** A stored draft as its writer saved it; the value is empty when it is of another key than the workspace's. */
export async function openDraft(vault: Vault, workspace: string, draft: DraftText): Promise<string> {
  const found = secretIn(draft);
  if (!found?.secret.startsWith(mark)) return draft.value;
  const open = await vault.decrypt(workspace, found.secret.slice(mark.length)).catch(() => "");
  return jsonObject(found.members.set("value", JSON.stringify(open)));
}
