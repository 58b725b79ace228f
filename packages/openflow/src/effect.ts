import type { ResultRef, IterRef, Scope, Stopped } from "./event.ts";
import type {
  Debouncing,
  FlowByPath,
  FlowModule,
  InputTransform,
  InputTransforms,
  RawScript,
  ScriptByPath,
} from "./flow-value.ts";
import type { ApprovalConditions, NestedRestart } from "./status.ts";

/** What must happen now, in the transaction that stores the new status, in this order. */
export type Effect =
  | PushEffect
  | InstantEffect
  | RecordEffect
  | { kind: "items"; step: string; attempt: number; need: string }
  | AdoptEffect
  /** The flow waits for `count` approvals of `job` until `until` (milliseconds since 1970): then `timeout`. */
  | { kind: "suspend"; job: string; count: number; until: number; conditions: ApprovalConditions | null }
  /** The flow waits no longer: no `timeout` is due. */
  | { kind: "unsuspend" }
  /** The preprocessor's result becomes the arguments (`{value}` if it is no object); then comes `start`. */
  | { kind: "preprocessed"; job: string }
  /** Answers synchronous callers of the root flow, also when it comes from a child flow; the flow goes on. */
  | { kind: "early_return"; success: boolean; result: ResultRef }
  /** A sentence for the log of the root flow. */
  | { kind: "log"; step: string; message: string }
  /** Every child of this flow that has not ended is cancelled, with all its own. */
  | { kind: "cancel"; by: string; reason: string | null }
  | CompleteEffect;

/** A child's place. The unique key of a child is (flow job, step, iteration, attempt). */
export interface Child {
  job: string;
  step: string;
  /** Of a loop or branchall. */
  iteration: number | null;
  attempt: number;
}

export interface PushEffect {
  kind: "push";
  child: Child;
  payload: Payload;
  inputs: Inputs;
  /** Not before (milliseconds since 1970); null = now. */
  scheduledFor: number | null;
  /** Seconds; evaluated like an input; 0 or less, or absent: the runnable's own. */
  timeout: { transform: InputTransform; scope: Scope } | null;
  priority: number | null;
  sameWorker: boolean;
  cacheTtlSeconds: number | null;
  deleteAfterSeconds: number | null;
  debouncing: Debouncing | null;
  /** A warm runner is kept for the iterations of this loop. */
  squash: boolean;
  /** The child is a root of its own for `results`: what its steps give is not seen outside, nor by its siblings. */
  ownRoot: boolean;
}

/** The module comes along by reference: nothing of it needs to be written where the flow's value is at hand. */
export type Payload =
  | { kind: "code"; module: FlowModule; value: RawScript; preprocessor: boolean }
  | { kind: "script"; module: FlowModule; value: ScriptByPath; preprocessor: boolean }
  | { kind: "flow"; module: FlowModule; value: FlowByPath; restart: NestedRestart | null }
  /** A child flow of this flow's own modules: `bodyFlow(flow, body)` is its value. */
  | { kind: "body"; body: BodyAddress; name: string; restart: NestedRestart | null }
  /** Gives the result at its time: a step that passes on what came before. */
  | { kind: "identity"; result: ResultRef };

/** A list of modules inside a flow. */
export type BodyAddress =
  | { step: string; kind: "loop"; iteration: number }
  /** -1 = the default branch. */
  | { step: string; kind: "branch"; branch: number };

export type Inputs =
  | { kind: "transforms"; transforms: InputTransforms; scope: Scope }
  /** A retry: the arguments of the failed job, not evaluated again. */
  | { kind: "same"; job: string }
  /** The flow's own arguments. */
  | { kind: "args"; iter: IterRef | null };

/** A child that is over at once: a job row with its result, never queued. */
export interface InstantEffect {
  kind: "instant";
  child: Child;
  success: boolean;
  result: ResultRef;
}

/** A child of a loop or branchall ended: for `flow_jobs_success` and `flow_jobs_duration`. */
export interface RecordEffect {
  kind: "record";
  child: Child;
  success: boolean;
}

/** The children of a step with an index below `below` (null = all) are taken over from another run. */
export interface AdoptEffect {
  kind: "adopt";
  from: string;
  step: string;
  /** Their attempt there. */
  attempt: number;
  /** Their attempt here. */
  to: number;
  below: number | null;
}

export interface CompleteEffect {
  kind: "complete";
  status: "success" | "failure" | "canceled" | "skipped";
  result: ResultRef;
  /** For the parent's `done` event, as is `handled`. */
  stopped: Stopped | null;
  handled: boolean;
  /** A success only because the handler said so: a parent whose body this is sees a failure all the same. */
  recovered: boolean;
  /** Who, when the status is `canceled`: the parent's `done` event is then `unrecoverable`. */
  canceled: { by: string; reason: string | null } | null;
}
