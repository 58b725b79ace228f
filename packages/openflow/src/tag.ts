import type { FlowModule, FlowValue } from "./flow-value.ts";

/**
 * The tag of a step's job, placeholders not filled in; null = the tag of its language or kind. A flow's tag goes down to
 * its steps unless it is the one every flow has, or the step's own is to be preserved.
 */
export function tagOfStep(
  flow: FlowValue,
  {
    module,
    flowTag,
    workspace,
    preprocessor,
  }: { module: FlowModule; flowTag: string; workspace: string; preprocessor: boolean },
): string | null {
  const { value } = module;
  const own = (value.type === "rawscript" ? value.tag : value.type === "script" ? value.tag_override : null) || null;
  const isCommon = flowTag === "flow" || flowTag === `flow-${workspace}`;
  return isCommon || preprocessor || (flow.preserve_step_tags === true && own !== null) ? own : flowTag;
}
