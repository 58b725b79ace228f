import type { InputTransform } from "./flow-value.ts";
import type { Resume } from "./status.ts";

/** Something that happened to a flow. `at` is milliseconds since 1970, and the only clock `advance` knows. */
export type FlowEvent =
  /** The flow may begin, or go on with new arguments after its preprocessor. */
  | { type: "start"; at: number }
  | ({ type: "done"; at: number } & ChildDone)
  /** Somebody approved or disapproved; also before the flow waits for it. */
  | ({ type: "resume"; at: number } & Resume)
  /** The moment a `suspend` effect named has come. */
  | { type: "timeout"; at: number }
  | { type: "cancel"; at: number; by: string; reason: string | null };

/** A child ended. `step`, `iteration` and `attempt` are those of the push. */
export interface ChildDone {
  job: string;
  step: string;
  iteration: number | null;
  attempt: number;
  success: boolean;
  /** A worker died, memory ran out, the job was cancelled: no retry, no continuing, but the handler runs. */
  unrecoverable?: boolean;
  /** Of a child flow: what its `complete` effect said. */
  stopped?: Stopped | null;
  handled?: boolean;
  /** Of the handler: whether its result is an object with `recover: true`. */
  recover?: boolean;
}

/** A flow ended before its last step because a step said so. */
export interface Stopped {
  /** It counts as skipped. */
  skip: boolean;
}

/** Where a result is found. The results themselves never pass through `advance`. */
export type ResultRef =
  /** The arguments of this flow job, with `iter` added for an iteration that is no flow job of its own. */
  | { from: "args"; iter: IterRef | null }
  | { from: "job"; job: string }
  /** An array of the results of a step's children in the order of their index, missing ones left out. */
  | { from: "children"; step: string; attempt: number }
  | { from: "value"; value: unknown }
  /** `{error: {name: "EarlyStopError", message, result?}}` */
  | { from: "stopped"; message: string; result: ResultRef | null };

export interface IterRef {
  /** The loop's step. */
  step: string;
  attempt: number;
  index: number;
  /** The value is the index itself. */
  whileLoop: boolean;
}

/** What the names in an expression stand for. */
export interface Scope {
  /** `previous_result` and `result`; its `.error` is `error`. */
  previous: ResultRef;
  /** The step `previous` is of, null at the beginning. `results.<it>` is `previous`. */
  previousStep: string | null;
  /** Adds `iter` to `flow_input`. */
  iter: IterRef | null;
  /** Where `resume`, `resumes` and `approvers` come from; null = they are null. */
  gate: GateRef | null;
  /** `all_iters` in the predicates of a loop. */
  allIters: ResultRef | null;
  /** The handler also knows `started_at`, `flow_job_id`, `previous_id` (the failed step). */
  handler: { failedStep: string } | null;
}

export interface GateRef {
  /** Their payloads in this order are `resumes`, the last is `resume`. */
  used: Resume[];
  /** Comes last in `resumes`, as `{error: {name, message}}`. */
  refused: { name: string; message: string } | null;
}

/** An expression that `advance` must know the value of. */
export type Need = { key: string; step: string; scope: Scope } & (
  | { kind: "boolean"; place: Place; expr: string }
  /** The first of several predicates that is true: the later ones are not evaluated. */
  | { kind: "branch"; exprs: string[] }
  | { kind: "number"; place: Place; transform: InputTransform }
  /** Keep the items: the `items` effect says whether they are needed. */
  | { kind: "items"; transform: InputTransform }
  | { kind: "strings"; place: Place; transform: InputTransform }
);

export type Place =
  | "skip_expr"
  | "skip_if"
  | "stop_after_if"
  | "stop_after_all_iters_if"
  | "retry_if"
  | "sleep"
  | "parallelism"
  | "user_groups_required";

export type Answer =
  | { kind: "boolean"; value: boolean }
  /** Index of the branch, -1 = none is true. */
  | { kind: "branch"; value: number }
  | { kind: "number"; value: number | null }
  | { kind: "items"; length: number }
  /** The iterator is something else; `found` is a short text of it. */
  | { kind: "not-items"; found: string }
  | { kind: "strings"; value: string[] }
  | { kind: "error"; message: string };

/** Answers by the key of the need. A key stays valid when the flow moved on meanwhile. */
export type Answers = Readonly<Record<string, Answer>>;
