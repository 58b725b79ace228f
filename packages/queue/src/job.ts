import type { Language, Member } from "@towermill/contract";

export type JobKind =
  | "script"
  | "preview"
  | "dependencies"
  | "flow"
  | "flowpreview"
  | "flowdependencies"
  | "appdependencies"
  | "flowscript"
  | "singlestepflow"
  | "identity"
  | "noop";

/** Where a job stands in the flow that pushed it. */
export interface FlowPlace {
  step: string;
  /** Of a loop or branchall. */
  iteration: number | null;
  attempt: number;
  kind: "code" | "script" | "flow" | "body" | "identity";
  /** The innermost flow job whose `results` show what this job's own steps give. */
  root: string;
  /** Path of the deployed flow around it, or of the preview. */
  path: string | null;
  /** Version of the deployed flow whose text the step's code is part of: such steps share processes. */
  version?: string;
  /** It runs on the worker of the step before and finds the same `./shared`. */
  shared?: boolean;
  /** Which list of the parent's modules a child flow is. */
  body?: { step: string; kind: "loop"; iteration: number } | { step: string; kind: "branch"; branch: number };
}

/** Rare switches of a job, kept together so that they cost nothing where they are not used. */
export interface JobOptions {
  /** Run `preprocessor(event)` first. */
  preprocess?: boolean;
  /** Wipe arguments, result and logs this long after the end; 0 = at once. */
  deleteAfterSeconds?: number;
  /** A perpetual script: pushed again when it ends, unless cancelled. */
  perpetual?: boolean;
  /** Hex key of the result cache entry to write on success. */
  cacheKey?: string;
  /** `{path: hash}` of code the CLI stored for this run; wins over deployed scripts of the same path. */
  temporaryScripts?: Record<string, string>;
  /** Script-level environment variables, `KEY=VALUE`. */
  envs?: string[];
  /** A process of its own. */
  fresh?: boolean;
  /** Raw workspace dependency files by name, for lock jobs. */
  dependencyFiles?: Record<string, string>;
  /** The job is a step, iteration or branch of a flow: its end moves its parent. */
  flow?: FlowPlace;
  /** The job cannot run: why, found out when it was pushed. */
  failed?: { name: string; message: string; [extra: string]: unknown };
  /** Wipe this long after the end of the whole flow. */
  wipeAfterFlowSeconds?: number;
  /** A flow job that takes up a finished run. */
  restart?: {
    job: string;
    path: { step_id: string; branch_or_iteration_n?: number | null | undefined }[];
    flowVersion?: number;
  };
  [extra: string]: unknown;
}

/** A run that waits a while in case another of its key comes, which then replaces it. */
export interface Debounce {
  key: string;
  delaySeconds: number;
  /** Arguments whose lists are put together instead of replaced. */
  accumulate: string[];
  /** Longest time since the first, and most runs replaced, before one runs at once; null = no limit. */
  maximumSeconds: number | null;
  maximumTimes: number | null;
}

/** A job to push. Times are decided by the database unless given. */
export interface NewJob {
  id: string;
  workspace: string;
  kind: JobKind;
  createdBy: string;
  permissionedAs: string;
  /** Rights as they are now; a later change does not affect the job. */
  member: Member;
  tag: string;
  /** JSON text of an object, `null` for none. */
  args: string | null;
  path?: string | null;
  hash?: string | null;
  language?: Language | null;
  rawCode?: string | null;
  rawLock?: string | null;
  /** JSON text. */
  rawFlow?: string | null;
  parentJob?: string | null;
  rootJob?: string | null;
  flowStepId?: string | null;
  triggerKind?: string | null;
  triggerPath?: string | null;
  entrypoint?: string | null;
  /** 1..100, higher first; `null` counts as 0. */
  priority?: number | null;
  timeoutSeconds?: number | null;
  cacheTtlSeconds?: number | null;
  concurrency?: { key: string; limit: number; windowSeconds: number } | null;
  debounce?: Debounce | null;
  visibleToOwner?: boolean;
  labels?: string[] | null;
  options?: JobOptions;
  /** Not before this moment; absent = now. */
  scheduledFor?: Date | null;
}

/** A job as a worker holds it after claiming. */
export interface ClaimedJob {
  id: string;
  workspace: string;
  kind: JobKind;
  createdBy: string;
  permissionedAs: string;
  member: Member;
  tag: string;
  args: string | null;
  path: string | null;
  hash: string | null;
  language: Language | null;
  rawCode: string | null;
  rawLock: string | null;
  /** JSON text. */
  rawFlow: string | null;
  parentJob: string | null;
  rootJob: string | null;
  flowStepId: string | null;
  triggerKind: string | null;
  triggerPath: string | null;
  entrypoint: string | null;
  priority: number | null;
  timeoutSeconds: number | null;
  cacheTtlSeconds: number | null;
  concurrencyKey: string | null;
  concurrentLimit: number | null;
  concurrencyWindowSeconds: number | null;
  visibleToOwner: boolean;
  labels: string[] | null;
  options: JobOptions;
  scheduledFor: Date;
  /** The fence: completing, logging and progress need it. */
  attempt: number;
  /** Secret half of the job's token. */
  secret: string;
}

export type JobStatus = "success" | "failure" | "canceled" | "skipped";

/** What came of a job. */
export interface Completion {
  id: string;
  attempt: number;
  status: JobStatus;
  /** JSON text. */
  result: string;
  memPeakKb?: number | null;
  runner?: string | null;
  startMs?: number | null;
  labels?: string[] | null;
  preprocessed?: boolean;
  /** Wiped this long after the end. */
  deleteAfterSeconds?: number | null;
  /** `false`: it is known to run under no concurrency limit. */
  limited?: boolean;
  /** The end of the log that was not written yet. */
  lastLog?: { position: number; text: string } | null;
}
