import { z } from "zod";
import { acl, labels, storable } from "./item.ts";

/** A step as far as the API itself looks at it; the engine's validation names what is wrong with the rest. */
const flowModule = z
  .looseObject({
    id: storable.nullish().describe("Unique in the flow (a, b, c…): expressions name the step's result by it"),
    summary: storable.nullish(),
    value: z
      .looseObject({ type: storable })
      .describe(
        "rawscript {content, language}, script {path}, flow {path}, each with input_transforms {argument: {type:'static', value} | {type:'javascript', expr:'flow_input.x' or 'results.a'}}; forloopflow {iterator, modules, skip_failures, parallel}, whileloopflow {modules, skip_failures}, branchone {branches:[{expr, modules}], default}, branchall {branches:[{modules}], parallel}, identity",
      ),
  })
  .describe(
    "A step; beside value: retry, suspend, sleep, stop_after_if, skip_if, continue_on_error, timeout, cache_ttl",
  );

/** The definition of a flow. It is stored and answered exactly as it was sent, fields unknown here included. */
export const flowValue = z
  .looseObject({
    modules: z.array(flowModule),
    failure_module: flowModule.nullish(),
    preprocessor_module: flowModule.nullish(),
  })
  .describe("OpenFlow: the steps in order");

const seconds = z.number().int().min(0).max(2_147_483_647).nullish();

/** Fields of a flow that are rarely set; stored and answered under these names, absent when unset. */
export const flowOptions = {
  tag: storable.nullish(),
  priority: z.number().int().min(-32_768).max(32_767).nullish(),
  timeout: seconds,
  dedicated_worker: z.boolean().nullish(),
  ws_error_handler_muted: z.boolean().nullish(),
  visible_to_runner_only: z.boolean().nullish(),
  on_behalf_of: storable.nullish(),
  on_behalf_of_email: storable.nullish(),
  labels,
};

const common = {
  summary: storable.nullish(),
  description: storable.nullish(),
  value: flowValue,
  schema: z.record(z.string(), z.unknown()).nullish().describe("JSON Schema of the flow's arguments"),
  deployment_message: storable.nullish(),
  draft_only: z.boolean().nullish(),
  preserve_on_behalf_of: z.boolean().nullish(),
  skip_draft_deletion: z.boolean().nullish(),
  ...flowOptions,
};

export const newFlow = z.object({ path: storable, ...common });

/** Another `path` than the one of the address moves the flow. */
export const editFlow = z.object({ path: storable.nullish(), ...common });

export type NewFlow = z.output<typeof newFlow>;
export type EditFlow = z.output<typeof editFlow>;

export const flow = z
  .object({
    workspace_id: z.string(),
    path: z.string(),
    summary: z.string(),
    description: z.string().optional(),
    value: z.unknown().optional(),
    schema: z.record(z.string(), z.unknown()).optional(),
    edited_by: z.string(),
    edited_at: z.string(),
    archived: z.boolean(),
    extra_perms: acl,
    starred: z.boolean().optional(),
    draft_only: z.boolean().optional(),
    version_id: z.number().optional(),
    lock_error_logs: z.string().optional(),
  })
  .loose();

export const flowVersion = z.object({
  id: z.number(),
  created_at: z.string(),
  deployment_msg: z.string().optional(),
  created_by: z.string().optional(),
});
