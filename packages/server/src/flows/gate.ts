import { notFound } from "@towermill/contract";
import { readFlowStatus, type DeployedFlows } from "@towermill/flow-driver";
import type { FlowModule, Suspend } from "@towermill/openflow";
import { sql, type Database } from "@towermill/store";
import { flowValueOf } from "./value.ts";

/** What somebody is asked to approve. */
export interface Gate {
  /** The flow that waits, or will. */
  flowJob: string;
  /** The job in front of the gate, or the flow's own for an approval of the flow as a whole. */
  job: string;
  /** The step the gate belongs to; `null` when it is not known which it will be. */
  step: FlowModule | null;
  suspend: Suspend | null;
  /** The flow waits at this gate now. */
  isParked: boolean;
  conditions: Conditions;
  approvers: { resume_id: number; approver: string }[];
  /** Who started the run. */
  startedBy: string;
  email: string;
  /** Path of the outermost flow, which decides who owns the run. */
  path: string | null;
}

export interface Conditions {
  user_auth_required: boolean;
  user_groups_required: string[];
  self_approval_disabled: boolean;
  /** The groups come from an expression that has no value before the flow waits. */
  areGroupsUnknown: boolean;
}

interface Row {
  flow_job: string;
  step: string | null;
  created_by: string;
  email: string;
  path: string | null;
}

interface PublicModule {
  type: string;
  id: string;
  job?: string;
}

interface PublicStatus {
  modules: PublicModule[];
  approval_conditions?: Omit<Conditions, "areGroupsUnknown">;
}

async function rowOf(db: Database, workspace: string, job: string): Promise<Row> {
  const row = await db.maybe<Row & Record<string, unknown>>(sql`
    select f.id as flow_job, case when f.id = j.id then null else coalesce(j.options->'flow'->>'step', j.flow_step_id) end as step,
      f.created_by, f.email, coalesce(r.script_path, f.script_path) as path
    from job j join job f on f.id = case when j.kind in ('flow', 'flowpreview') and (j.parent_job is null
        or not j.options ? 'flow' or exists (select from job_queue q where q.id = j.id)) then j.id else j.parent_job end
      left join job r on r.id = f.root_job
    where j.id = ${job} and j.workspace_id = ${workspace} and f.kind in ('flow', 'flowpreview', 'singlestepflow')`);
  if (!row) throw notFound("Flow of the job", job);
  return row;
}

function staticGroups(suspend: Suspend | null): string[] | null {
  const transform = suspend?.user_groups_required;
  if (transform == null) return [];
  if (transform.type !== "static") return null;
  const { value } = transform;
  return Array.isArray(value) ? value.map(String) : [];
}

function conditionsOf(suspend: Suspend | null, parked: PublicStatus["approval_conditions"]): Conditions {
  if (parked) return { ...parked, areGroupsUnknown: false };
  const groups = staticGroups(suspend);
  return {
    user_auth_required: suspend?.user_auth_required === true,
    user_groups_required: groups ?? [],
    self_approval_disabled: suspend?.self_approval_disabled === true,
    areGroupsUnknown: groups === null,
  };
}

/**
 * The gate that an approval of a job means, whether the flow waits there already or not.
 * @throws ApiError `not_found`
 */
export async function gateOf(
  { db, deployed }: { db: Database; deployed: DeployedFlows },
  { workspace, job }: { workspace: string; job: string },
): Promise<Gate> {
  const row = await rowOf(db, workspace, job);
  const status = (await readFlowStatus({ db, deployed }, row.flow_job)) as unknown as PublicStatus | null;
  const value = await flowValueOf(db, row.flow_job);
  const parkedAt = (status?.modules ?? []).findIndex(({ type }) => type === "WaitingForEvents");
  const parked = status?.modules[parkedAt];
  const isParked = parked !== undefined && (parked.job === job || row.flow_job === job);
  const stepId = row.step ?? (isParked ? (status?.modules[parkedAt - 1]?.id ?? null) : null);
  const step = value?.modules.find(({ id }) => id === stepId) ?? null;
  const suspend = step?.suspend ?? null;
  const approvals = await db.query<{ resume_id: number; approver: string | null }>(sql`
    select resume_id, approver from flow_resume where job = any(${[job, row.flow_job]}::uuid[]) and approved
    order by created_at, resume_id`);
  return {
    flowJob: row.flow_job,
    job: isParked && row.flow_job === job ? (parked.job ?? job) : job,
    step,
    suspend,
    isParked,
    conditions: conditionsOf(suspend, isParked ? status?.approval_conditions : undefined),
    approvers: approvals.map(({ resume_id, approver }) => ({ resume_id, approver: approver ?? "anonymous" })),
    startedBy: row.created_by,
    email: row.email,
    path: row.path,
  };
}
