import { z } from "zod";

/** Every field may be null where it may be absent, and every object may have more fields. */
const maybe = <T extends z.ZodType>(type: T): z.ZodType => type.nullish();
const count = z.number().int().nonnegative();
const flag = maybe(z.boolean());
const text = maybe(z.string());
const whole = maybe(count);

const inputTransform = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("static"), value: z.unknown().optional() }),
  z.looseObject({ type: z.literal("javascript"), expr: z.string() }),
  z.looseObject({ type: z.literal("ai") }),
]);
const inputTransforms = maybe(z.record(z.string(), inputTransform));
const numberOrTransform = maybe(z.union([z.number(), inputTransform]));
const predicate = maybe(z.looseObject({ expr: z.string() }));
const stopAfterIf = maybe(
  z.looseObject({ expr: z.string(), skip_if_stopped: flag, error_message: text, error_include_result: flag }),
);

const debounce = {
  debounce_delay_s: whole,
  debounce_key: text,
  debounce_args_to_accumulate: maybe(z.array(z.string())),
  max_total_debouncing_time: whole,
  max_total_debounces_amount: whole,
};

const retry = maybe(
  z.looseObject({
    constant: maybe(z.looseObject({ attempts: whole, seconds: whole })),
    exponential: maybe(
      z.looseObject({
        attempts: whole,
        multiplier: whole,
        seconds: whole,
        random_factor: maybe(z.number().int().min(0).max(100)),
      }),
    ),
    retry_if: predicate,
  }),
);

const suspend = maybe(
  z.looseObject({
    required_events: whole,
    timeout: whole,
    resume_form: maybe(z.looseObject({ schema: z.unknown().optional() })),
    user_auth_required: flag,
    user_groups_required: maybe(inputTransform),
    self_approval_disabled: flag,
    hide_cancel: flag,
    continue_on_disapprove_timeout: flag,
    skin: text,
  }),
);

const modules = z.array(z.lazy(() => flowModule));

const moduleValue = z.discriminatedUnion("type", [
  z.looseObject({
    type: z.literal("rawscript"),
    content: z.string(),
    language: z.string(),
    input_transforms: inputTransforms,
    path: text,
    lock: text,
    tag: text,
    concurrent_limit: whole,
    concurrency_time_window_s: whole,
    custom_concurrency_key: text,
    is_trigger: flag,
    assets: maybe(z.array(z.unknown())),
  }),
  z.looseObject({
    type: z.literal("script"),
    path: z.string(),
    hash: text,
    input_transforms: inputTransforms,
    tag_override: text,
    is_trigger: flag,
  }),
  z.looseObject({
    type: z.literal("flow"),
    path: z.string(),
    version: z.number().int().min(1).nullish(),
    input_transforms: inputTransforms,
  }),
  z.looseObject({
    type: z.literal("forloopflow"),
    iterator: inputTransform,
    modules,
    skip_failures: flag,
    parallel: flag,
    parallelism: numberOrTransform,
    squash: flag,
  }),
  z.looseObject({ type: z.literal("whileloopflow"), modules, skip_failures: flag, squash: flag }),
  z.looseObject({
    type: z.literal("branchone"),
    branches: z.array(z.looseObject({ summary: text, expr: z.string(), modules })),
    default: modules,
  }),
  z.looseObject({
    type: z.literal("branchall"),
    branches: z.array(z.looseObject({ summary: text, skip_failure: flag, modules })),
    parallel: flag,
  }),
  z.looseObject({ type: z.literal("identity"), flow: flag }),
]);

const flowModule: z.ZodType = z
  .looseObject({
    id: text,
    value: moduleValue,
    summary: text,
    stop_after_if: stopAfterIf,
    stop_after_all_iters_if: stopAfterIf,
    skip_if: predicate,
    sleep: maybe(inputTransform),
    cache_ttl: maybe(z.number()),
    cache_ignore_s3_path: flag,
    timeout: numberOrTransform,
    delete_after_use: flag,
    delete_after_secs: whole,
    mock: maybe(z.looseObject({ enabled: flag, return_value: z.unknown().optional() })),
    suspend,
    priority: maybe(z.number().int()),
    continue_on_error: flag,
    retry,
    debouncing: maybe(z.looseObject(debounce)),
    apply_preprocessor: flag,
    pass_flow_input_directly: flag,
  })
  .meta({ id: "FlowModule" });

/** The form of a flow's value; what goes beyond form is `validateFlow`'s. */
export const flowValue = z.looseObject({
  modules,
  failure_module: maybe(z.lazy(() => flowModule)),
  preprocessor_module: maybe(z.lazy(() => flowModule)),
  same_worker: flag,
  preserve_step_tags: flag,
  concurrent_limit: whole,
  concurrency_key: text,
  concurrency_time_window_s: whole,
  ...debounce,
  skip_expr: text,
  cache_ttl: maybe(z.number()),
  cache_ignore_s3_path: flag,
  delete_after_use: flag,
  delete_after_secs: whole,
  flow_env: maybe(z.record(z.string(), z.unknown())),
  priority: maybe(z.number().int()),
  early_return: text,
  chat_input_enabled: flag,
  notes: maybe(z.array(z.unknown())),
  groups: maybe(z.array(z.unknown())),
});

/** JSON Schema (2020-12) of a flow's value, for editors. */
export function flowSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(flowValue, { io: "input" }), title: "OpenFlow" };
}
