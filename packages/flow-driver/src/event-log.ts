import { sql, type Queryable } from "@towermill/store";

/** One entry of a flow's history. */
export interface FlowEventEntry {
  /** Transition it is part of, from 1. */
  revision: number;
  at: Date;
  step: string | null;
  /** Of a loop or branchall. */
  iteration: number | null;
  attempt: number | null;
  /** `started`, `pushed`, `ended`, `suspended`, `resumed`, `timed_out`, `canceled`, `completed`… */
  what: string;
  /** JSON text. */
  detail: string | null;
}

/** What happened to a flow job, in order. Steps that are flow jobs themselves have histories of their own. */
export async function readEvents(
  db: Queryable,
  flowJob: string,
  { after = 0, limit = 1000 }: { after?: number; limit?: number } = {},
): Promise<FlowEventEntry[]> {
  return db.query<FlowEventEntry & Record<string, unknown>>(sql`
    select revision, at, step, iteration, attempt, what, detail from flow_event
    where flow_job = ${flowJob} and revision > ${after}
    order by revision, position limit ${limit}`);
}
