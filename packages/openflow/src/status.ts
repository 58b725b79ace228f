/**
 * What is stored of a running flow. It has the shape of Windmill's `flow_status` without what grows with the run: no
 * results, no lists of children, no items of a loop. `publicStatus` adds the lists again when somebody reads it.
 */
export interface FlowStatus {
  /** -1 preprocessor, 0… the step being worked on, `modules.length` when over or while the handler runs. */
  step: number;
  modules: ModuleStatus[];
  failure_module: ModuleStatus & { parent_module?: string };
  preprocessor_module?: ModuleStatus;
  retry?: RetryStatus;
  approval_conditions?: ApprovalConditions;
  restarted_from?: RestartedFrom;
  /** Not part of Windmill's status; `publicStatus` leaves it out. */
  engine: EngineStatus;
}

export interface RetryStatus {
  fail_count: number;
  failed_jobs: string[];
}

export interface ApprovalConditions {
  user_auth_required: boolean;
  user_groups_required: string[];
  self_approval_disabled: boolean;
}

export interface RestartedFrom {
  flow_job_id: string;
  step_id: string;
  branch_or_iteration_n?: number;
  flow_version?: number;
}

export interface EngineStatus {
  phase: "new" | "running" | "parked" | "ended";
  /** Grows by one with every transition: a driver that evaluated without the lock compares it under the lock. */
  revision: number;
  /** The gate that the current step waits behind or has passed. */
  gate?: Gate;
  /** Approvals that no gate has used yet. */
  resumes?: Resume[];
  restart?: RestartPlan;
}

export interface Gate {
  /** Index of the step behind the gate. */
  step: number;
  /** The job of the step before it: the one that approvals name. */
  job: string;
  /** Milliseconds since 1970. */
  until: number;
  passed: boolean;
  /** What let the flow pass, in the order it came. */
  used: Resume[];
  /** Names why a flow went on although it was not approved (`continue_on_disapprove_timeout`). */
  refused?: GateError;
}

export interface GateError {
  name: "SuspendedDisapproved" | "SuspendedTimedOut";
  message: string;
}

export interface Resume {
  /** The step's job, or the flow's own job for an approval of the flow as a whole. */
  job: string;
  resume_id: number;
  approver: string | null;
  approved: boolean;
}

/** Where a restarted flow takes up again. Earlier steps are `Success` with the jobs of the original run. */
export interface RestartPlan {
  /** The run whose children are taken over. */
  from: string;
  step: number;
  /** Iterations or branches below are taken over. */
  iteration: number;
  /** For branchone: the branch of the original run (-1 = default). */
  branch?: number;
  /** The steps to go on at inside the child of that iteration or branch. */
  nested?: NestedRestart;
  /** Steps whose children are taken over: their attempt there, here, and below which index (null = all). */
  adopt: { step: string; attempt: number; to: number; below: number | null }[];
}

/** `job` is the child of the original run: `restartStatus` of its flow and status with `path` is the new child's status. */
export interface NestedRestart {
  job: string;
  path: RestartTarget[];
}

export interface RestartTarget {
  step_id: string;
  branch_or_iteration_n?: number | null | undefined;
}

/** Which of a branchone's branches was taken. */
export type BranchChosen = { type: "default" } | { type: "branch"; branch: number };

interface Told {
  id: string;
}

/** A step whose job or jobs were pushed. */
interface Tried extends Told {
  /** The step's job; of a sequential container the newest child; of a parallel one the flow's own. */
  job: string;
  /** How often the step had failed when this was pushed. */
  attempt: number;
  branch_chosen?: BranchChosen;
  /** Children pushed, for loops and branchall only. */
  children?: number;
  /** Skipped by `skip_if`, while its time has not come yet. */
  skipped?: boolean;
  parallel?: boolean;
}

export interface InProgress extends Tried {
  type: "InProgress";
  iterator?: { index: number; itered_len?: number };
  branchall?: { branch: number; len: number };
  while_loop?: boolean;
  progress?: ContainerProgress;
}

/** How far a loop or branchall is. */
export interface ContainerProgress {
  /** How many children there will be; null = a while loop. */
  length: number | null;
  /** How many at a time. */
  width: number;
  /** Children that ended, as closed ranges in order. */
  done: Range[];
  failed: number;
  /** Failures that count against the container. */
  grave: number;
  /** Failures since the last success. */
  failedInRow: number;
  /** A handler ran for a child that failed: it must not run again for this one. */
  handled: boolean;
  unrecoverable: boolean;
}

export type Range = [first: number, last: number];

export interface Settled extends Tried {
  type: "Success" | "Failure";
  approvers: { resume_id: number; approver: string }[];
  failed_retries: string[];
  skipped: boolean;
}

export type ModuleStatus =
  | (Told & { type: "WaitingForPriorSteps" })
  | (Told & { type: "WaitingForEvents"; count: number; job: string })
  | (Tried & { type: "WaitingForExecutor" })
  | InProgress
  | Settled;
