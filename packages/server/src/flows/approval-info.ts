import { ApiError, type Member } from "@towermill/contract";
import { sql, type Database } from "@towermill/store";
import { mayAnswerUnasked, requireApprover } from "./approver.ts";
import type { Gate } from "./gate.ts";

interface Asker {
  member: Member | null;
  /** They hold a signed address. */
  bySignature: boolean;
}

function mayApprove(gate: Gate, { member, bySignature }: Asker): boolean {
  try {
    requireApprover(gate, member);
  } catch (error) {
    if (error instanceof ApiError) return false;
    throw error;
  }
  return bySignature || (member !== null && mayAnswerUnasked(gate, member));
}

/** What the step said for the approval page: the object it returned, if it is one. */
async function said(db: Database, job: string): Promise<Record<string, unknown>> {
  const row = await db.maybe<{ result: string | null }>(sql`select result from job_done where id = ${job}`);
  const value: unknown = row?.result == null ? null : JSON.parse(row.result);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

async function summaryOf(db: Database, gate: Gate): Promise<string | null> {
  const row = await db.maybe<{ summary: string }>(sql`
    select f.summary from job j join flow f on f.workspace_id = j.workspace_id and f.path = j.script_path
    where j.id = ${gate.flowJob}`);
  return row?.summary ?? null;
}

/** What an approval page shows of a gate. */
export async function approvalInfo(db: Database, gate: Gate, asker: Asker) {
  const { suspend, step, conditions } = gate;
  const { default_args, enums, description } = gate.job === gate.flowJob ? {} : await said(db, gate.job);
  const { areGroupsUnknown: _, ...approval_conditions } = conditions;
  const summary = await summaryOf(db, gate);
  const restricted = conditions.user_auth_required || conditions.self_approval_disabled;
  return {
    flow_id: gate.flowJob,
    ...(suspend?.resume_form?.schema === undefined ? {} : { form_schema: suspend.resume_form.schema }),
    ...(description === undefined ? {} : { description }),
    ...(default_args === undefined ? {} : { default_args }),
    ...(enums === undefined ? {} : { enums }),
    ...(restricted ? { approval_conditions } : {}),
    can_approve: mayApprove(gate, asker),
    user_auth_required: conditions.user_auth_required,
    ...(suspend?.hide_cancel == null ? {} : { hide_cancel: suspend.hide_cancel }),
    skin: suspend?.skin === "minimal" ? ("minimal" as const) : ("detailed" as const),
    ...(step?.summary ? { step_summary: step.summary } : {}),
    ...(summary ? { flow_summary: summary } : {}),
    approvers: gate.approvers,
  };
}
