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
    select f.revision, f.at, e.event ->> 'step' as step, (e.event ->> 'iteration')::int as iteration,
      (e.event ->> 'attempt')::int as attempt, e.event ->> 'what' as what, e.event -> 'detail' as detail
    from flow_event f cross join lateral json_array_elements(f.events) with ordinality e (event, position)
    where f.flow_job = ${flowJob} and f.revision > ${after}
    order by f.revision, e.position limit ${limit}`);
}
