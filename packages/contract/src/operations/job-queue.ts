import { z } from "zod";
import { operation } from "../operation.ts";
import { flag } from "../query.ts";
import { jobIds, jobParams, workspaceParams } from "./job-shape.ts";

const read = { domain: "jobs", action: "read" } as const;
const write = { domain: "jobs", action: "write" } as const;

const reason = z.looseObject({ reason: z.string().max(10_000).nullish() }).optional();
const text = { tag: "Job", answer: z.string(), media: "text" } as const;

export const jobQueueOperations = [
  operation({
    id: "cancelQueuedJob",
    method: "POST",
    path: "/w/{workspace}/jobs_u/queue/cancel/{id}",
    summary: "Cancel a job and everything below it: what waits ends now, what runs is stopped by its worker",
    access: "public",
    scope: write,
    params: jobParams,
    body: reason,
    mcp: { instructions: "Cancels a waiting or running job.", destructive: true },
    ...text,
  }),
  operation({
    id: "forceCancelQueuedJob",
    method: "POST",
    path: "/w/{workspace}/jobs_u/queue/force_cancel/{id}",
    summary: "End a job at once, even when its worker does not answer",
    access: "public",
    scope: write,
    params: jobParams,
    body: reason,
    ...text,
  }),
  operation({
    id: "cancelPersistentQueuedJobs",
    method: "POST",
    path: "/w/{workspace}/jobs_u/queue/cancel_persistent/{path}",
    summary: "Cancel every run of a perpetual script",
    access: "member",
    scope: write,
    params: z.object({ workspace: z.string(), path: z.string() }),
    body: reason,
    ...text,
  }),
  operation({
    id: "cancelSelection",
    method: "POST",
    path: "/w/{workspace}/jobs/queue/cancel_selection",
    tag: "Job",
    summary: "Cancel many jobs; answers the ids that were cancelled",
    access: "member",
    scope: write,
    params: workspaceParams,
    query: z.object({ force_cancel: flag, all_workspaces: flag }),
    body: jobIds,
    answer: z.array(z.string()),
  }),
  operation({
    id: "runQueuedJobNow",
    method: "POST",
    path: "/w/{workspace}/jobs/queue/run_now/{id}",
    summary: "Make a job that waits for its time due now",
    access: "member",
    scope: write,
    params: jobParams,
    ...text,
  }),
  operation({
    id: "getQueuePosition",
    method: "GET",
    path: "/w/{workspace}/jobs/queue/position/{scheduled_for}",
    tag: "Job",
    summary: "Number of waiting jobs due before a moment (milliseconds since 1970), the one itself included",
    access: "member",
    scope: read,
    params: z.object({
      workspace: z.string(),
      scheduled_for: z.coerce.number().int().min(0).max(8_640_000_000_000_000),
    }),
    answer: z.object({ position: z.number().optional() }),
  }),
  operation({
    id: "getScheduledFor",
    method: "GET",
    path: "/w/{workspace}/jobs/queue/scheduled_for/{id}",
    tag: "Job",
    summary: "When a waiting job is due, in milliseconds since 1970",
    access: "member",
    scope: read,
    params: jobParams,
    answer: z.number(),
  }),
] as const;
