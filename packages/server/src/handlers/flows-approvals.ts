import { ApiError, type flowsApprovalsOperations } from "@towermill/contract";
import { jsonText } from "../http/answer.ts";
import { parseJson } from "../http/body.ts";
import type { Call, Handlers } from "../http/call.ts";
import { composeJson } from "../http/verbatim.ts";
import { requireApprover, requireAsker } from "../flows/approver.ts";
import { gateAt, requireSigned, type ApprovalContext } from "../flows/approval-context.ts";
import { approve } from "../flows/approve.ts";
import { signatureOf, type Signed } from "../flows/signature.ts";
import { createFlowView } from "../flows/view.ts";
import { requireJob } from "../jobs/job-access.ts";
import { detailExtras, findJobDetails, jobJson } from "../jobs/job-row.ts";
import { approvalsOfMembers } from "./flows-approvals-members.ts";

type Operation = (typeof flowsApprovalsOperations)[number];
type OfJob = Extract<Operation, { id: "createJobSignature" | "getResumeUrls" }>;
type ByAddress = Extract<Operation, { id: `${"resume" | "cancel"}SuspendedJob${string}` }>;
type Page = Extract<Operation, { id: "getSuspendedJobFlow" }>;

/** A payload that came as base64 of JSON in an address. @throws ApiError `bad_request` */
function payloadOfQuery(text: string | undefined): string | null {
  if (text === undefined || text === "") return null;
  // a `+` that was not escaped arrives as a space
  const json = Buffer.from(text.replaceAll(" ", "+"), "base64").toString("utf8");
  parseJson(json);
  return json;
}

/** Signed addresses, for the run itself and those who may change the flow. */
function signing(context: ApprovalContext): Pick<Handlers<typeof flowsApprovalsOperations>, OfJob["id"]> {
  const { services } = context;
  const signedOf = async ({ params, query, caller, member }: Call<OfJob>): Promise<Signed> => {
    const { workspace, id, resume_id: resumeId } = params;
    await requireJob(services, { caller, member }, { workspace, id, action: "read" });
    // a step that is tried out alone asks for addresses as well; nothing waits behind them
    const gate = await gateAt(context, workspace, id).catch((error: unknown) => {
      if (error instanceof ApiError && error.code === "not_found") return null;
      throw error;
    });
    if (gate) requireAsker(gate, member);
    const isFlowLevel = "flow_level" in query && query.flow_level === true;
    return { workspace, job: gate && isFlowLevel ? gate.flowJob : id, resumeId, approver: query.approver ?? null };
  };
  return {
    createJobSignature: async (call) => signatureOf(services.vault, await signedOf(call)),
    async getResumeUrls(call) {
      const signed = await signedOf(call);
      const { workspace, job, resumeId, approver } = signed;
      const end = `${job}/${resumeId}/${await signatureOf(services.vault, signed)}`;
      const query = approver === null ? "" : `?${new URLSearchParams({ approver }).toString()}`;
      const base = services.baseUrl;
      return {
        approvalPage: `${base}/approve/${workspace}/${end}${query}`,
        resume: `${base}/api/w/${workspace}/jobs_u/resume/${end}${query}`,
        cancel: `${base}/api/w/${workspace}/jobs_u/cancel/${end}${query}`,
      };
    },
  };
}

/** Answers of whoever holds a signed address. */
function byAddress(
  context: ApprovalContext,
): Pick<Handlers<typeof flowsApprovalsOperations>, ByAddress["id"] | Page["id"]> {
  const { services, flows } = context;
  const { db } = services;
  const view = createFlowView({ db, flows });
  const signedIn = async (call: Call<ByAddress> | Call<Page>): Promise<Signed> => {
    const { workspace, id: job, resume_id: resumeId, signature } = call.params;
    const signed = { workspace, job, resumeId, approver: call.query.approver ?? null };
    await requireSigned(context, signed, signature);
    return signed;
  };
  const answer = async (call: Call<ByAddress>, approved: boolean, payload: string | null): Promise<string> => {
    const signed = await signedIn(call);
    requireApprover(await gateAt(context, signed.workspace, signed.job), call.member);
    const approver = signed.approver ?? call.member?.username ?? null;
    await approve(context, { ...signed, approver, approved, payload });
    return approved ? "resume request sent" : "cancel request sent";
  };
  return {
    resumeSuspendedJobGet: (call) => answer(call, true, payloadOfQuery(call.query.payload)),
    resumeSuspendedJobPost: (call) => answer(call, true, call.bodyText.trim() || null),
    cancelSuspendedJobGet: (call) => answer(call, false, payloadOfQuery(call.query.payload)),
    cancelSuspendedJobPost: (call) => answer(call, false, call.bodyText.trim() || null),
    async getSuspendedJobFlow(call) {
      const { workspace, job } = await signedIn(call);
      const gate = await gateAt(context, workspace, job);
      const row = await findJobDetails(db, workspace, gate.flowJob);
      if (!row) throw new ApiError("not_found", `Flow of the job ${job} not found`);
      const extras = { ...detailExtras(row, { code: true, logs: null }), ...(await view.extras(row, { code: true })) };
      return jsonText(composeJson({ approvers: gate.approvers }, { job: jobJson(row, extras) }));
    },
  };
}

/** Approvals: signed addresses for anybody who holds them, and buttons for those who may. */
export function flowsApprovalsHandlers(context: ApprovalContext): Handlers<typeof flowsApprovalsOperations> {
  return { ...signing(context), ...byAddress(context), ...approvalsOfMembers(context) };
}
