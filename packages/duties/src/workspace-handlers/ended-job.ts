import { sql, type Queryable } from "@towermill/store";

/** A job of a workspace that ended, as handlers are told of it. */
export interface EndedJob {
  id: string;
  workspace_id: string;
  status: "success" | "failure" | "canceled";
  completed_at: Date;
  started_at: Date | null;
  /** JSON text. */
  result: string | null;
  path: string;
  is_flow: boolean;
  email: string;
  trigger_kind: string | null;
  trigger_path: string | null;
  /** `ws_error_handler_muted` of the script, flow or schedule it is a run of. */
  muted: boolean;
  /** `pending`: a schedule has not decided yet whether it is tried again; `retried`: it was. */
  attempt: "last" | "pending" | "retried";
}

/**
 * How long after its end a job may first be seen: what a transaction wrote carries the time at which it began. No
 * completion takes nearly as long.
 */
export const overlapSeconds = 30;

/**
 * Ends of a workspace that nobody dealt with, oldest first: deployed scripts and flows that are no step of a flow, and no
 * handlers, which all run as the group `error_handler`.
 */
export function readEnds(
  db: Queryable,
  { workspace, statuses, limit }: { workspace: string; statuses: readonly string[]; limit: number },
): Promise<EndedJob[]> {
  // the two branches let the planner use the index of failures when successes are not asked for
  const wanted = statuses.includes("success")
    ? sql`d.status = any(${statuses}::text[])`
    : sql`d.status in ('failure', 'canceled')`;
  return db.query<EndedJob & object>(sql`
    select d.id, d.workspace_id, d.status, d.completed_at, d.started_at, d.result, j.script_path as path, j.kind = 'flow' as is_flow,
      j.email, j.trigger_kind, j.trigger_path,
      coalesce(case when j.kind = 'flow'
        then (select (f.options ->> 'ws_error_handler_muted')::boolean from flow f
              where f.workspace_id = j.workspace_id and f.path = j.script_path)
        else (select (s.options ->> 'ws_error_handler_muted')::boolean from script s
              where s.workspace_id = j.workspace_id and s.hash = j.script_hash) end, false)
        or coalesce((select (s.options ->> 'ws_error_handler_muted')::boolean from schedule s
              where j.trigger_kind = 'schedule' and s.workspace_id = j.workspace_id and s.path = j.trigger_path), false) as muted,
      case when j.trigger_kind is distinct from 'schedule' or d.status = 'success' then 'last'
        when exists (select from schedule_tick t where t.job_id = j.id and t.state in ('asking', 'open')) then 'pending'
        when exists (select from schedule s where s.workspace_id = j.workspace_id and s.path = j.trigger_path)
          and not exists (select from schedule_tick t where t.workspace_id = j.workspace_id and t.path = j.trigger_path and t.job_id = j.id)
        then 'retried' else 'last' end as attempt
    from handler_watch w
      join job_done d on d.workspace_id = w.workspace_id
        and d.completed_at > greatest(w.since, w.until - make_interval(secs => ${overlapSeconds}))
      join job j on j.id = d.id
    where w.workspace_id = ${workspace} and ${wanted} and j.kind in ('script', 'flow') and j.flow_step_id is null
      and j.script_path is not null and j.permissioned_as <> 'g/error_handler'
      and not exists (select from handled_end h where h.job_id = d.id)
    order by d.completed_at limit ${limit}`);
}
