import { ApiError } from "@towermill/contract";
import type { JobStatus, Outcome } from "@towermill/queue";
import { sql } from "@towermill/store";
import type { Services } from "../services.ts";

/**
 * Waits for the end of a job (of a flow: for its early return) that may have come already; going away does not cancel it.
 * @throws ApiError `timeout`
 */
export async function awaitJob(
  { db, dispatcher, waitLimitMs }: Services,
  id: string,
  signal: AbortSignal,
): Promise<Outcome> {
  const found = new AbortController();
  const waiting = dispatcher.waitFor(id, {
    timeoutMs: waitLimitMs,
    signal: AbortSignal.any([signal, found.signal]),
    early: true,
  });
  const row = await db.maybe<{ status: JobStatus; result: string | null }>(
    sql`select case when (early_result ->> 'success')::boolean then 'success' else 'failure' end as status,
          early_result -> 'result' as result from job_flow where id = ${id} and early_result is not null
        union all select status, result from job_done
          where id = ${id} and not exists (select from job_flow where id = ${id} and early_result is not null)`,
  );
  if (row) {
    found.abort();
    return { id, status: row.status, result: row.result ?? "null" };
  }
  const outcome = await waiting;
  if (outcome) return outcome;
  throw new ApiError("timeout", `timeout after ${waitLimitMs / 1000}s: job ${id} goes on`);
}
