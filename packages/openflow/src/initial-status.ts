import { handlerId, preprocessorId } from "./body.ts";
import type { FlowValue } from "./flow-value.ts";
import type { FlowStatus } from "./status.ts";

/** The status of a flow that nothing happened to yet. */
export function initialStatus(flow: FlowValue, { preprocess = false }: { preprocess?: boolean } = {}): FlowStatus {
  const preprocesses = preprocess && flow.preprocessor_module != null;
  return {
    step: preprocesses ? -1 : 0,
    modules: flow.modules.map(({ id }) => ({ type: "WaitingForPriorSteps", id })),
    failure_module: { type: "WaitingForPriorSteps", id: handlerId(flow) },
    ...(preprocesses && { preprocessor_module: { type: "WaitingForPriorSteps", id: preprocessorId(flow) } }),
    engine: { phase: "new", revision: 0 },
  };
}
