import { sql, type Database } from "@towermill/store";
import type { Pending } from "./entry.ts";

interface Row {
  id: string;
  attempt: number;
  canceled_by: string | null;
  canceled_reason: string | null;
}

/**
 * After a plan was refused: answers the entries whose job is not theirs any more, and ends as cancelled those that were
 * cancelled meanwhile.
 * @returns the entries to try again
 */
export async function checkEntries(db: Database, batch: readonly Pending[]): Promise<Pending[]> {
  const ids = batch.flatMap(({ entry }) => (entry.kind === "event" ? [] : [entry.job.id]));
  if (ids.length === 0) return [...batch];
  const rows = await readAgain(db, ids);
  if (rows === null) return [...batch];
  return batch.filter((pending) => stillStands(pending, rows));
}

async function readAgain(db: Database, ids: string[]): Promise<Map<string, Row> | null> {
  const rows = await db
    .query<Row & Record<string, unknown>>(
      sql`select id, attempt, canceled_by, canceled_reason from job_queue where id = any(${ids}::uuid[]) and running`,
    )
    .catch(() => null);
  return rows && new Map(rows.map((row) => [row.id, row]));
}

function stillStands(pending: Pending, rows: Map<string, Row>): boolean {
  const { entry } = pending;
  if (entry.kind === "event") return true;
  const row = rows.get(entry.job.id);
  if (!row || row.attempt !== entry.job.attempt) {
    pending.done({ ended: null, next: null });
    return false;
  }
  if (row.canceled_by === null) return true;
  const result = canceledResult(row.canceled_by, row.canceled_reason);
  if (entry.kind === "end")
    pending.entry = { ...entry, completion: { ...entry.completion, status: "canceled", result } };
  else {
    const completion = { id: entry.job.id, attempt: entry.job.attempt, status: "canceled" as const, result };
    pending.entry = { kind: "end", job: entry.job, slot: entry.slot, completion };
  }
  return true;
}

/** As `job_canceled` of the database says it. */
export function canceledResult(by: string, reason: string | null): string {
  const message = `Job canceled: ${reason ?? ""} by ${by}`;
  return JSON.stringify({ error: { message, name: "Canceled", reason, canceler: by } });
}
