import { createHash } from "node:crypto";
import { jsonMembers } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";

/** A result to keep for runs of the same thing with the same arguments. */
export interface CachedResult {
  /** {@link resultCacheKey} */
  key: Buffer;
  workspace: string;
  /** JSON text. */
  result: string;
  ttlSeconds: number;
}

/** Key of a cached result: what ran, and its arguments in any order. @param args JSON text of an object */
export function resultCacheKey(workspace: string, runnable: string, args: string | null): Buffer {
  const members = args === null ? [] : [...jsonMembers(args)].sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([workspace, runnable, members]))
    .digest();
}

/** A result that is still valid, as JSON text. */
export async function readCachedResult(db: Queryable, key: Buffer): Promise<string | undefined> {
  const row = await db.maybe<{ result: string | null }>(
    sql`select result from result_cache where key = ${key} and expires_at > now()`,
  );
  return row ? (row.result ?? "null") : undefined;
}

export async function writeCachedResult(
  db: Queryable,
  { key, workspace, result, ttlSeconds }: CachedResult,
): Promise<void> {
  await db.execute(sql`insert into result_cache (key, workspace_id, result, expires_at)
    values (${key}, ${workspace}, ${result}, now() + make_interval(secs => ${ttlSeconds}))
    on conflict (key) do update set result = excluded.result, expires_at = excluded.expires_at`);
}
