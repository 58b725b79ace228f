/**
 * OpenFlow as people write it and Windmill's clients send it. Optional fields may be absent or null; unknown fields are
 * kept in storage and ignored by the engine.
 */
export interface FlowValue {
  modules: FlowModule[];
  /** Runs once when a step failed for good. */
  failure_module?: FlowModule | null | undefined;
  /** Turns a trigger's event into the flow's arguments, as step -1. */
  preprocessor_module?: FlowModule | null | undefined;
  /** All steps on one worker, which share `./shared`. */
  same_worker?: boolean | null | undefined;
  /** A step's own tag wins over the flow's. */
  preserve_step_tags?: boolean | null | undefined;
  concurrent_limit?: number | null | undefined;
  concurrency_key?: string | null | undefined;
  concurrency_time_window_s?: number | null | undefined;
  debounce_delay_s?: number | null | undefined;
  debounce_key?: string | null | undefined;
  debounce_args_to_accumulate?: string[] | null | undefined;
  max_total_debouncing_time?: number | null | undefined;
  max_total_debounces_amount?: number | null | undefined;
  /** True before the first step: the flow ends skipped, with the result "stopped early". */
  skip_expr?: string | null | undefined;
  /** Seconds. */
  cache_ttl?: number | null | undefined;
  cache_ignore_s3_path?: boolean | null | undefined;
  delete_after_use?: boolean | null | undefined;
  delete_after_secs?: number | null | undefined;
  flow_env?: Record<string, unknown> | null | undefined;
  /** 0..100, higher first. */
  priority?: number | null | undefined;
  /** The step whose result answers a synchronous call. */
  early_return?: string | null | undefined;
  chat_input_enabled?: boolean | null | undefined;
  notes?: unknown[] | null | undefined;
  groups?: unknown[] | null | undefined;
}

export interface FlowModule {
  id: string;
  value: ModuleValue;
  summary?: string | null | undefined;
  stop_after_if?: StopAfterIf | null | undefined;
  /** For loops and branchall: judged once, on the array of all results. */
  stop_after_all_iters_if?: StopAfterIf | null | undefined;
  skip_if?: { expr: string } | null | undefined;
  /** Seconds between this step and the next. */
  sleep?: InputTransform | null | undefined;
  cache_ttl?: number | null | undefined;
  cache_ignore_s3_path?: boolean | null | undefined;
  /** Seconds; a bare number is the old form. */
  timeout?: InputTransform | number | null | undefined;
  delete_after_use?: boolean | null | undefined;
  delete_after_secs?: number | null | undefined;
  mock?: { enabled?: boolean | null | undefined; return_value?: unknown } | null | undefined;
  suspend?: Suspend | null | undefined;
  priority?: number | null | undefined;
  continue_on_error?: boolean | null | undefined;
  retry?: Retry | null | undefined;
  debouncing?: Debouncing | null | undefined;
  apply_preprocessor?: boolean | null | undefined;
  pass_flow_input_directly?: boolean | null | undefined;
}

export interface StopAfterIf {
  expr: string;
  skip_if_stopped?: boolean | null | undefined;
  /** Present, even empty: stopping fails the flow with it. */
  error_message?: string | null | undefined;
  error_include_result?: boolean | null | undefined;
}

export type InputTransform =
  | { type: "static"; value?: unknown }
  | { type: "javascript"; expr: string }
  /** Only for tools of an agent: the model fills it. */
  | { type: "ai" };

/** The gate behind a step: nothing goes on before `required_events` approvals came. */
export interface Suspend {
  required_events?: number | null | undefined;
  /** Seconds, 1,800 if absent. */
  timeout?: number | null | undefined;
  resume_form?: { schema?: unknown } | null | undefined;
  user_auth_required?: boolean | null | undefined;
  /** Gives names of groups. */
  user_groups_required?: InputTransform | null | undefined;
  self_approval_disabled?: boolean | null | undefined;
  hide_cancel?: boolean | null | undefined;
  continue_on_disapprove_timeout?: boolean | null | undefined;
  skin?: string | null | undefined;
}

/** Retries after the first run: `attempts: 2` runs a failing step three times. */
export interface Retry {
  constant?: { attempts?: number | null | undefined; seconds?: number | null | undefined } | null | undefined;
  exponential?:
    | {
        attempts?: number | null | undefined;
        multiplier?: number | null | undefined;
        seconds?: number | null | undefined;
        /** Percent, 0..100. */
        random_factor?: number | null | undefined;
      }
    | null
    | undefined;
  retry_if?: { expr: string } | null | undefined;
}

export interface Debouncing {
  debounce_delay_s?: number | null | undefined;
  debounce_key?: string | null | undefined;
  debounce_args_to_accumulate?: string[] | null | undefined;
  max_total_debouncing_time?: number | null | undefined;
  max_total_debounces_amount?: number | null | undefined;
}

export type InputTransforms = Record<string, InputTransform>;

export interface RawScript {
  type: "rawscript";
  content: string;
  language: string;
  input_transforms?: InputTransforms | null | undefined;
  path?: string | null | undefined;
  lock?: string | null | undefined;
  tag?: string | null | undefined;
  concurrent_limit?: number | null | undefined;
  concurrency_time_window_s?: number | null | undefined;
  custom_concurrency_key?: string | null | undefined;
  is_trigger?: boolean | null | undefined;
  assets?: unknown[] | null | undefined;
}

export interface ScriptByPath {
  type: "script";
  path: string;
  /** Pins a version; absent = the newest at the moment of the push. */
  hash?: string | null | undefined;
  input_transforms?: InputTransforms | null | undefined;
  tag_override?: string | null | undefined;
  is_trigger?: boolean | null | undefined;
}

export interface FlowByPath {
  type: "flow";
  path: string;
  /** Pins a version (not one of Windmill's fields); absent = the newest at the moment of the push. */
  version?: number | null | undefined;
  input_transforms?: InputTransforms | null | undefined;
}

export interface ForLoop {
  type: "forloopflow";
  iterator: InputTransform;
  modules: FlowModule[];
  /** Absent counts as false. */
  skip_failures?: boolean | null | undefined;
  parallel?: boolean | null | undefined;
  /** How many iterations at a time; absent = all. */
  parallelism?: InputTransform | number | null | undefined;
  squash?: boolean | null | undefined;
}

export interface WhileLoop {
  type: "whileloopflow";
  modules: FlowModule[];
  skip_failures?: boolean | null | undefined;
  squash?: boolean | null | undefined;
}

export interface BranchOne {
  type: "branchone";
  branches: { summary?: string | null | undefined; expr: string; modules: FlowModule[] }[];
  default: FlowModule[];
}

export interface BranchAll {
  type: "branchall";
  branches: {
    summary?: string | null | undefined;
    /** Absent counts as false. */
    skip_failure?: boolean | null | undefined;
    modules: FlowModule[];
  }[];
  /** Absent counts as true. */
  parallel?: boolean | null | undefined;
}

export interface Identity {
  type: "identity";
  flow?: boolean | null | undefined;
}

export type ModuleValue =
  RawScript | ScriptByPath | FlowByPath | ForLoop | WhileLoop | BranchOne | BranchAll | Identity;

/** A step that is a single job of its own. */
export type Leaf = RawScript | ScriptByPath | FlowByPath;
