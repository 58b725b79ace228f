import { createHash } from "node:crypto";
import { ApiError, type Member } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import { headerOf } from "../http/socket.ts";

const dayMs = 86_400_000;
const longestKey = 255;

/** The job that a repeated request means. */
export interface KeyedRun {
  id: string;
  /** It was started already. */
  exists: boolean;
}

/**
 * The job's id follows from the key, so the primary key of jobs lets only one be started, whichever server is asked: no
 * table of keys is needed. The day is part of it, which is what lets a key be used again.
 */
export function idOfKey(key: string, day: number): string {
  const bytes = createHash("sha256").update(key).update(String(day)).digest().subarray(0, 16);
  bytes.writeUIntBE(day * dayMs, 0, 6);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * The run that the header `Idempotency-Key` stands for: the same caller, target and key within a day mean the same job.
 * `null` without the header.
 * @param target what is run: `flow/f/a/b`
 * @throws ApiError `bad_request` for a key that is empty or too long
 */
export async function keyedRun(
  db: Queryable,
  { request, member, target }: { request: Request; member: Pick<Member, "workspace" | "email">; target: string },
): Promise<KeyedRun | null> {
  const given = headerOf(request, "idempotency-key");
  if (given === null) return null;
  if (given === "" || given.length > longestKey) {
    throw new ApiError("bad_request", `header Idempotency-Key: expected 1 to ${longestKey} characters`);
  }
  const key = JSON.stringify([member.workspace, member.email, target, given]);
  const { now } = await db.one<{ now: Date }>(sql`select now() as now`);
  const today = Math.floor(now.getTime() / dayMs);
  const ids = [idOfKey(key, today), idOfKey(key, today - 1)];
  const [known] = await db.query<{ id: string }>(sql`
    select id from job where id = any(${ids}::uuid[]) and workspace_id = ${member.workspace}
      and created_at > now() - interval '1 day' order by created_at desc limit 1`);
  return { id: known?.id ?? ids[0] ?? "", exists: known !== undefined };
}

/** Starts what was not started yet; another request with the same key may have been faster. */
export async function startOnce(keyed: KeyedRun | null, start: () => Promise<void>): Promise<void> {
  if (keyed?.exists) return;
  await start().catch((error: unknown) => {
    const isFollower = keyed !== null && error instanceof ApiError && error.code === "already_exists";
    if (!isFollower) throw error;
  });
}
