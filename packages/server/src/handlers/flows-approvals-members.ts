import { createHash } from "node:crypto";
import { ApiError, type flowsApprovalsOperations, type Member } from "@towermill/contract";
import type { Call, Handlers } from "../http/call.ts";
import { gateAt, requireSigned, type ApprovalContext } from "../flows/approval-context.ts";
import { approve } from "../flows/approve.ts";
import { approvalInfo } from "../flows/approval-info.ts";
import { mayAnswerUnasked, requireApprover, requireFlowOwner } from "../flows/approver.ts";
import { nameOf, requireJob } from "../jobs/job-access.ts";

type Operation = (typeof flowsApprovalsOperations)[number];
type OfMembers = "getApprovalInfo" | "resumeSuspended" | "resumeSuspendedFlowAsOwner";

/** Every member has one number, so nobody can answer twice. */
function resumeIdOf({ email }: Member): number {
  return createHash("sha256").update(email).digest().readUInt32BE(0);
}

/** `{resume_id}.{signature}` */
const signedToken = /^(\d{1,10})[./]([0-9a-fA-F]{64})$/;

/** @throws ApiError `bad_request` */
function tokenParts(token: string, field: string): { resumeId: number; signature: string } {
  const match = signedToken.exec(token);
  const resumeId = Number(match?.[1]);
  if (!match || resumeId > 0xffffffff) throw new ApiError("bad_request", `${field}: expected {resume_id}.{signature}`);
  return { resumeId, signature: match[2] ?? "" };
}

/** Answers of people who are logged in, from the page of the run or of the approval. */
export function approvalsOfMembers(
  context: ApprovalContext,
): Pick<Handlers<typeof flowsApprovalsOperations>, OfMembers> {
  const { services } = context;
  /** The number of a signed token; a token that is wrong lets nobody in. */
  const signedNumber = async (
    { workspace, job_id: job }: { workspace: string; job_id: string },
    { token, field }: { token: string | null | undefined; field: string },
  ): Promise<number | null> => {
    if (token === null || token === undefined || token === "") return null;
    const { resumeId, signature } = tokenParts(token, field);
    await requireSigned(context, { workspace, job, resumeId, approver: null }, signature);
    return resumeId;
  };
  type Unified = Call<Extract<Operation, { id: "resumeSuspended" }>>;
  const requireUnasked = async (call: Unified, gate: Awaited<ReturnType<typeof gateAt>>): Promise<void> => {
    const { workspace, job_id: id } = call.params;
    await requireJob(services, call, { workspace, id, action: "write" });
    if (call.member && mayAnswerUnasked(gate, call.member)) return;
    throw new ApiError("forbidden", `${nameOf(call)} may not answer for ${gate.path ?? "this flow"}`);
  };
  return {
    async getApprovalInfo(call) {
      const { workspace, job_id: id } = call.params;
      // the same name as that of a token of one's own, which this is not taken for: it has another form
      const sent = call.search.get("token") ?? "";
      const token = signedToken.test(sent) ? sent : null;
      const number = await signedNumber(call.params, { token, field: "query.token" });
      if (number === null) await requireJob(services, call, { workspace, id, action: "read" });
      const asker = { member: call.member, bySignature: number !== null };
      return approvalInfo(services.db, await gateAt(context, workspace, id), asker);
    },
    async resumeSuspended(call) {
      const { workspace, job_id: id } = call.params;
      const { payload, approval_token: token, approved } = call.body;
      const number = await signedNumber(call.params, { token, field: "body.approval_token" });
      const gate = await gateAt(context, workspace, id);
      if (number === null) await requireUnasked(call, gate);
      requireApprover(gate, call.member);
      await approve(context, {
        workspace,
        job: gate.job,
        resumeId: number ?? (call.member ? resumeIdOf(call.member) : 0),
        approver: call.member?.username ?? null,
        approved: approved ?? true,
        payload: payload === undefined ? null : JSON.stringify(payload),
      });
      return approved === false ? "cancel request sent" : "resume request sent";
    },
    async resumeSuspendedFlowAsOwner(call) {
      const { workspace, id } = call.params;
      await requireJob(services, call, { workspace, id, action: "write" });
      const gate = await gateAt(context, workspace, id);
      requireFlowOwner(gate, call.member);
      requireApprover(gate, call.member);
      const payload = call.bodyText.trim() || null;
      const approver = call.member.username;
      await approve(context, { workspace, job: gate.job, resumeId: 0, approver, approved: true, payload });
      return "resume request sent";
    },
  };
}
