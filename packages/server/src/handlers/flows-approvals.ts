import { createHash } from "node:crypto";
import { ApiError, type flowsApprovalsOperations, type Member } from "@towermill/contract";
import type { DeployedFlows, FlowDriver } from "@towermill/flow-driver";
import { jsonText } from "../http/answer.ts";
import { parseJson } from "../http/body.ts";
import type { Call, Handlers } from "../http/call.ts";
import { composeJson } from "../http/verbatim.ts";
import { mayAnswerUnasked, requireApprover, requireFlowOwner } from "../flows/approver.ts";
import { approvalInfo } from "../flows/approval-info.ts";
import { gateOf, type Gate } from "../flows/gate.ts";
import { isSignatureOf, signatureOf, type Signed } from "../flows/signature.ts";
import { createFlowView } from "../flows/view.ts";
import { nameOf, requireJob } from "../jobs/job-access.ts";
import { detailExtras, findJobDetails, jobJson } from "../jobs/job-row.ts";
import type { Services } from "../services.ts";

type Operation = (typeof flowsApprovalsOperations)[number];
type OfJob = Extract<Operation, { id: "createJobSignature" | "getResumeUrls" }>;
type ByAddress = Extract<Operation, { id: `${string}SuspendedJob${string}` }>;

interface Answer {
  gate: Gate;
  workspace: string;
  job: string;
  resumeId: number;
  approver: string | null;
  approved: boolean;
  payload: string | null;
}

/** A payload that came as base64 of JSON in an address. @throws ApiError `bad_request` */
function payloadOfQuery(text: string | undefined): string | null {
  if (text === undefined || text === "") return null;
  // a `+` that was not escaped arrives as a space
  const json = Buffer.from(text.replaceAll(" ", "+"), "base64").toString("utf8");
  parseJson(json);
  return json;
}

/** Every member has one number, so nobody can answer twice. */
function resumeIdOf({ email }: Member): number {
  return createHash("sha256").update(email).digest().readUInt32BE(0);
}

/** `{resume_id}.{signature}`, as the addresses hold them. */
function tokenParts(token: string): { resumeId: number; signature: string } | null {
  const match = /^(\d{1,10})[./]([0-9a-fA-F]{64})$/.exec(token);
  return match ? { resumeId: Number(match[1]), signature: match[2] ?? "" } : null;
}

/** Approvals: signed addresses for anybody who holds them, and buttons for those who may. */
export function flowsApprovalsHandlers(
  services: Services,
  { driver, flows }: { driver: FlowDriver; flows: DeployedFlows },
): Handlers<typeof flowsApprovalsOperations> {
  const { db, vault, baseUrl } = services;
  const view = createFlowView({ db, flows });
  const gateAt = (workspace: string, job: string): Promise<Gate> => gateOf({ db, deployed: flows }, { workspace, job });

  const requireSigned = async (signed: Signed, signature: string): Promise<void> => {
    const isGood = signed.resumeId <= 0xffffffff && (await isSignatureOf(vault, signed, signature));
    if (!isGood) throw new ApiError("forbidden", "Invalid signature: the address was changed, or is of another job");
  };
  const answer = async ({ gate, ...request }: Answer): Promise<void> => {
    await driver.resume({ ...request });
  };
  const answerByAddress = async (call: Call<ByAddress>, approved: boolean, payload: string | null): Promise<string> => {
    const { workspace, id: job, resume_id: resumeId, signature } = call.params;
    const approver = call.query.approver ?? null;
    await requireSigned({ workspace, job, resumeId, approver }, signature);
    const gate = await gateAt(workspace, job);
    requireApprover(gate, call.member);
    const who = approver ?? call.member?.username ?? null;
    await answer({ gate, workspace, job, resumeId, approver: who, approved, payload });
    return approved ? "resume request sent" : "cancel request sent";
  };
  const signedOf = async ({ params, query, caller, member }: Call<OfJob>): Promise<Signed> => {
    const { workspace, id, resume_id: resumeId } = params;
    await requireJob(services, { caller, member }, { workspace, id, action: "read" });
    const isFlowLevel = "flow_level" in query && query.flow_level === true;
    const job = isFlowLevel ? (await gateAt(workspace, id)).flowJob : id;
    return { workspace, job, resumeId, approver: query.approver ?? null };
  };
  /** Whether a token or a signature lets the caller see a gate. */
  const requireSight = async (call: Call<Extract<Operation, { id: "getApprovalInfo" }>>): Promise<boolean> => {
    const { workspace, job_id: job } = call.params;
    const parts = call.query.token === undefined ? null : tokenParts(call.query.token);
    if (parts) {
      await requireSigned({ workspace, job, resumeId: parts.resumeId, approver: null }, parts.signature);
      return true;
    }
    await requireJob(services, call, { workspace, id: job, action: "read" });
    return false;
  };
  return {
    createJobSignature: async (call) => signatureOf(vault, await signedOf(call)),
    async getResumeUrls(call) {
      const signed = await signedOf(call);
      const { workspace, job, resumeId, approver } = signed;
      const end = `${workspace}/${job}/${resumeId}/${await signatureOf(vault, signed)}`;
      const query = approver === null ? "" : `?${new URLSearchParams({ approver })}`;
      const of = (verb: string): string => `${baseUrl}/api/w/${end.replace("/", `/jobs_u/${verb}/`)}${query}`;
      return { approvalPage: `${baseUrl}/approve/${end}${query}`, resume: of("resume"), cancel: of("cancel") };
    },
    resumeSuspendedJobGet: (call) => answerByAddress(call, true, payloadOfQuery(call.query.payload)),
    resumeSuspendedJobPost: (call) => answerByAddress(call, true, call.bodyText.trim() || null),
    cancelSuspendedJobGet: (call) => answerByAddress(call, false, payloadOfQuery(call.query.payload)),
    cancelSuspendedJobPost: (call) => answerByAddress(call, false, call.bodyText.trim() || null),
    async getSuspendedJobFlow(call) {
      const { workspace, id: job, resume_id: resumeId, signature } = call.params;
      await requireSigned({ workspace, job, resumeId, approver: call.query.approver ?? null }, signature);
      const gate = await gateAt(workspace, job);
      const row = await findJobDetails(db, workspace, gate.flowJob);
      if (!row) throw new ApiError("not_found", `Flow of the job ${job} not found`);
      const extras = { ...detailExtras(row, { code: true, logs: null }), ...(await view.extras(row, { code: true })) };
      return jsonText(composeJson({ approvers: gate.approvers }, { job: jobJson(row, extras) }));
    },
    async getApprovalInfo(call) {
      const bySignature = await requireSight(call);
      return approvalInfo({ db, flows }, await gateAt(call.params.workspace, call.params.job_id), {
        member: call.member,
        bySignature,
      });
    },
    async resumeSuspended(call) {
      const { workspace, job_id: job } = call.params;
      const { payload, approval_token: token, approved } = call.body;
      const gate = await gateAt(workspace, job);
      const parts = token ? tokenParts(token) : null;
      if (token) {
        if (!parts) throw new ApiError("bad_request", "body.approval_token: expected {resume_id}.{signature}");
        await requireSigned({ workspace, job, resumeId: parts.resumeId, approver: null }, parts.signature);
      } else {
        await requireJob(services, call, { workspace, id: job, action: "write" });
        if (!call.member || !mayAnswerUnasked(gate, call.member)) {
          throw new ApiError("forbidden", `${nameOf(call)} may not answer for ${gate.path ?? "this flow"}`);
        }
      }
      requireApprover(gate, call.member);
      const resumeId = parts?.resumeId ?? (call.member ? resumeIdOf(call.member) : 0);
      const approver = call.member?.username ?? null;
      const text = payload === undefined ? null : JSON.stringify(payload);
      await answer({ gate, workspace, job: gate.job, resumeId, approver, approved: approved ?? true, payload: text });
      return approved === false ? "cancel request sent" : "resume request sent";
    },
    async resumeSuspendedFlowAsOwner(call) {
      const { workspace, id } = call.params;
      await requireJob(services, call, { workspace, id, action: "write" });
      const gate = await gateAt(workspace, id);
      requireFlowOwner(gate, call.member);
      requireApprover(gate, call.member);
      const payload = call.bodyText.trim() || null;
      const approver = call.member.username;
      await answer({ gate, workspace, job: gate.job, resumeId: 0, approver, approved: true, payload });
      return "resume request sent";
    },
  };
}
