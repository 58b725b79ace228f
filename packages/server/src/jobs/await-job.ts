import { ApiError } from "@towermill/contract";
import type { JobStatus, Outcome } from "@towermill/queue";
import { sql } from "@towermill/store";
import type { Services } from "../services.ts";

/**
 * Waits for the end of a job that may have ended already; going away does not cancel it.
 * @throws ApiError `timeout`
 */
export async function awaitJob({ db, dispatcher, waitLimitMs }: Services, id: string, signal: AbortSignal): Promise<Outcome> {
  const found = new AbortController();
  const waiting = dispatcher.waitFor(id, { timeoutMs: waitLimitMs, signal: AbortSignal.any([signal, found.signal]) });
  const row = await db.maybe<{ status: JobStatus; result: string | null }>(
    sql`select status, result from job_done where id = ${id}`,
  );
  if (row) {
    found.abort();
    return { id, status: row.status, result: row.result ?? "null" };
  }
  const outcome = await waiting;
  if (outcome) return outcome;
  throw new ApiError("timeout", `timeout after ${waitLimitMs / 1000}s: job ${id} goes on`);
}
