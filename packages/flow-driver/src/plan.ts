import type { ChildKind } from "./place.ts";
import type { CachedResult, Completion, JobStatus, NewJob } from "@towermill/queue";

/** What one commit does. Everything in it was worked out before: writing it takes no decision. */
export interface Plan {
  /** Jobs that end and have a queue row: children as their workers say, flows without an attempt. */
  ends: PlannedEnd[];
  flows: PlannedFlow[];
  /** Flow jobs whose queue row changes: they are held by no worker any more, or begin or end to wait. */
  held: PlannedHold[];
  jobs: PlannedJob[];
  children: PlannedChild[];
  events: PlannedEvent[];
  items: PlannedItem[];
  adopted: PlannedAdoption[];
  resumes: PlannedResume[];
  /** Children that the flow counts otherwise than their job says. */
  recorded: { flowJob: string; step: string; attempt: number; iteration: number; success: boolean }[];
  /** Arguments that a preprocessor made. JSON texts. */
  args: { job: string; args: string }[];
  /** What answers synchronous callers while the flow goes on. `result` is JSON text. */
  early: { job: string; success: boolean; result: string }[];
  /** Root flows whose steps are to be wiped. */
  wiped: string[];
  /** Results of flows to keep for the next run with the same arguments. */
  kept: CachedResult[];
  /** Due jobs to claim for slots that become free: siblings wait in the queue. */
  claim: { worker: string; tags: readonly string[]; secrets: string[] } | null;
  /** Not written with the rest: sentences for logs. */
  notes: { job: string; text: string }[];
}

export type PlannedEnd = Omit<Completion, "attempt"> & {
  /** null = a flow, which is fenced by its revision. */
  attempt: number | null;
  /** A run of a key that is limited ends. */
  limited: boolean;
};

export interface PlannedFlow {
  id: string;
  /** JSON text. */
  status: string;
  /** Revision that is stored, null = nothing is. */
  from: number | null;
  to: number;
}

export interface PlannedHold {
  id: string;
  /** The claim that ends; null = nobody holds it. */
  attempt: number | null;
  /** Approvals that are missing; 0 = it does not wait. */
  suspend: number;
  /** Milliseconds since 1970. */
  until: number | null;
}

export type PlannedJob = {
  job: NewJob;
} & (
  | { state: "queued" }
  /** A flow that began already. */
  | { state: "held"; suspend: number; until: number | null }
  /** `at`: when it is due, by this process's clock; never in the future. */
  | { state: "claimed"; worker: string; secret: string; at: Date }
  | { state: "done"; status: JobStatus; result: string; labels: string[]; deleteAfterSeconds: number | null }
);

export interface PlannedChild {
  flowJob: string;
  step: string;
  attempt: number;
  iteration: number | null;
  job: string;
  kind: ChildKind;
  root: string;
  leaf: string;
}

export interface PlannedEvent {
  flowJob: string;
  revision: number;
  step: string | null;
  iteration: number | null;
  attempt: number | null;
  what: string;
  detail: unknown;
}

export interface PlannedItem {
  flowJob: string;
  step: string;
  attempt: number;
  /** JSON texts. */
  values: string[];
}

export interface PlannedAdoption {
  flowJob: string;
  from: string;
  step: string;
  attempt: number;
  to: number;
  below: number | null;
}

export interface PlannedResume {
  job: string;
  resumeId: number;
  flowJob: string;
  approver: string | null;
  approved: boolean;
  /** JSON text. */
  payload: string | null;
}

export function emptyPlan(): Plan {
  return {
    ends: [],
    flows: [],
    held: [],
    jobs: [],
    children: [],
    events: [],
    items: [],
    adopted: [],
    resumes: [],
    recorded: [],
    args: [],
    early: [],
    wiped: [],
    kept: [],
    claim: null,
    notes: [],
  };
}
