import { z } from "zod";
import { operation } from "../operation.ts";
import { flag, text } from "../query.ts";
import { anyJob, anyJson, jobId, jobParams } from "./job-shape.ts";

const resumeId = z.coerce.number().int().min(0).max(4_294_967_295);
const request = z.object({ workspace: z.string(), id: jobId, resume_id: resumeId });
const signed = z.object({ workspace: z.string(), id: jobId, resume_id: resumeId, signature: z.string().max(200) });
const byJob = z.object({ workspace: z.string(), job_id: jobId });

const approvers = z.array(z.object({ resume_id: z.number(), approver: z.string() }));

/** Who holds the signed address may answer; whether they must be logged in as well is the step's own rule. */
const open = { tag: "Job", access: "public", scope: { domain: "jobs", action: "run" } } as const;
const answered = { ...open, answer: z.string(), status: 201, media: "text" } as const;

const payload = z
  .unknown()
  .optional()
  .describe("What the approver filled in; expressions of the next step see it as `resume`");

export const flowsApprovalsOperations = [
  operation({
    id: "createJobSignature",
    method: "GET",
    path: "/w/{workspace}/jobs/job_signature/{id}/{resume_id}",
    tag: "Job",
    summary: "Signature with which a suspended flow is resumed or cancelled without a token",
    access: "member",
    scope: { domain: "jobs", action: "run" },
    params: request,
    query: z.object({ approver: text }),
    answer: z.string(),
    media: "text",
  }),
  operation({
    id: "getResumeUrls",
    method: "GET",
    path: "/w/{workspace}/jobs/resume_urls/{id}/{resume_id}",
    tag: "Job",
    summary: "Signed addresses that resume or cancel a suspended flow, and its approval page",
    access: "member",
    scope: { domain: "jobs", action: "run" },
    params: request,
    query: z.object({ approver: text, flow_level: flag }),
    answer: z.object({ approvalPage: z.string(), resume: z.string(), cancel: z.string() }),
  }),
  operation({
    id: "resumeSuspendedJobGet",
    method: "GET",
    path: "/w/{workspace}/jobs_u/resume/{id}/{resume_id}/{signature}",
    summary: "Approve what a flow waits for",
    params: signed,
    query: z.object({ payload: text, approver: text }),
    ...answered,
  }),
  operation({
    id: "resumeSuspendedJobPost",
    method: "POST",
    path: "/w/{workspace}/jobs_u/resume/{id}/{resume_id}/{signature}",
    summary: "Approve what a flow waits for; the body is the payload",
    params: signed,
    query: z.object({ approver: text }),
    body: payload,
    ...answered,
  }),
  operation({
    id: "cancelSuspendedJobGet",
    method: "GET",
    path: "/w/{workspace}/jobs_u/cancel/{id}/{resume_id}/{signature}",
    summary: "Disapprove what a flow waits for",
    params: signed,
    query: z.object({ payload: text, approver: text }),
    ...answered,
  }),
  operation({
    id: "cancelSuspendedJobPost",
    method: "POST",
    path: "/w/{workspace}/jobs_u/cancel/{id}/{resume_id}/{signature}",
    summary: "Disapprove what a flow waits for; the body is the payload",
    params: signed,
    query: z.object({ approver: text }),
    body: payload,
    ...answered,
  }),
  operation({
    id: "getSuspendedJobFlow",
    method: "GET",
    path: "/w/{workspace}/jobs_u/get_flow/{id}/{resume_id}/{signature}",
    summary: "The flow that waits for an approval, for its approval page",
    params: signed,
    query: z.object({ approver: text }),
    answer: z.object({ job: anyJob, approvers, view_token: z.string().optional() }),
    ...open,
    scope: { domain: "jobs", action: "read" },
  }),
  operation({
    id: "getApprovalInfo",
    method: "GET",
    path: "/w/{workspace}/jobs_u/flow/approval_info/{job_id}",
    summary: "What an approval page shows: form, conditions, who approved already, whether the caller may",
    params: byJob,
    query: z.object({ token: text.describe("`{resume_id}.{signature}`, or a token of one's own") }),
    answer: z.object({
      flow_id: z.string(),
      form_schema: anyJson.optional(),
      description: anyJson.optional(),
      default_args: anyJson.optional(),
      enums: anyJson.optional(),
      approval_conditions: z
        .object({
          user_auth_required: z.boolean(),
          user_groups_required: z.array(z.string()),
          self_approval_disabled: z.boolean(),
        })
        .optional(),
      can_approve: z.boolean(),
      user_auth_required: z.boolean(),
      hide_cancel: z.boolean().optional(),
      skin: z.enum(["detailed", "minimal"]),
      step_summary: z.string().optional(),
      flow_summary: z.string().optional(),
      approvers,
      view_token: z.string().optional(),
    }),
    ...open,
    scope: { domain: "jobs", action: "read" },
  }),
  operation({
    id: "resumeSuspended",
    method: "POST",
    path: "/w/{workspace}/jobs_u/flow/resume_suspended/{job_id}",
    summary: "Approve or disapprove what a flow waits for, with a token of one's own or the approval token",
    params: byJob,
    body: z.looseObject({ payload, approval_token: z.string().nullish(), approved: z.boolean().nullish() }),
    ...answered,
    mcp: {
      instructions:
        "Approves (approved=true) or disapproves what a suspended flow waits for; payload is what its form asks.",
    },
  }),
  operation({
    id: "resumeSuspendedFlowAsOwner",
    method: "POST",
    path: "/w/{workspace}/jobs/flow/resume/{id}",
    tag: "Job",
    summary: "Approve what a flow waits for, as somebody who may change the flow",
    access: "member",
    scope: { domain: "jobs", action: "run" },
    params: jobParams,
    body: payload,
    answer: z.string(),
    status: 201,
    media: "text",
  }),
] as const;
