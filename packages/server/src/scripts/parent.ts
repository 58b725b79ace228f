import { ApiError, type NewScript } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import { headAt, newestAt, versionOf, type ScriptRow } from "./row.ts";

function conflict(message: string): ApiError {
  return new ApiError("parent_conflict", message);
}

async function namedParent(tx: Queryable, workspace: string, script: NewScript): Promise<ScriptRow | null> {
  const hash = script.parent_hash;
  if (!hash) return null;
  const parent = await versionOf(tx, workspace, hash);
  if (!parent || parent.deleted) {
    if (script.auto_parent) return null;
    throw conflict(`parent_hash: ${script.path} has no version ${hash}`);
  }
  const head = parent.archived ? await headAt(tx, workspace, parent.path) : parent;
  if (head && head.hash !== parent.hash) {
    if (script.auto_parent) return null;
    throw conflict(`parent_hash: ${hash} is no longer the newest version of ${parent.path}, ${head.hash} is`);
  }
  return parent;
}

/**
 * The version a new one supersedes, `null` for a script that is new. Deploys to one path happen one after the other.
 * @throws ApiError `parent_conflict` for a version that is superseded already, `already_exists` when no parent is named
 */
export async function supersededBy(tx: Queryable, workspace: string, script: NewScript): Promise<ScriptRow | null> {
  await tx.query(sql`select pg_advisory_xact_lock(hashtextextended(${`script ${workspace} ${script.path}`}, 0))`);
  const head = await headAt(tx, workspace, script.path);
  if (script.auto_parent && head) return head;
  const named = await namedParent(tx, workspace, script);
  if (head && named?.hash !== head.hash) {
    if (named)
      throw conflict(`${named.hash} cannot move to ${script.path}: another script is deployed there (${head.hash})`);
    throw new ApiError("already_exists", `Path conflict for ${script.path} with non-archived hash ${head.hash}`);
  }
  if (named || !script.auto_parent) return named;
  return (await newestAt(tx, workspace, script.path)) ?? null;
}
