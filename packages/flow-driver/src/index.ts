export {
  createDeployedFlows,
  type DeployedFlows,
  type FlowOptions,
  type FlowTarget,
  type FlowVersion,
} from "./deployed.ts";
export { newFlowJob, type FlowPreview, type FlowRunRequest } from "./flow-job.ts";
export { createFlowDriver, type FlowDriver, type FlowDriverOptions } from "./driver.ts";
export type { Driven, Slot } from "./slot.ts";
export type { ResumeRequest } from "./resume.ts";
export { readFlowStatus, readChildren } from "./status.ts";
export { readEvents, type FlowEventEntry } from "./event-log.ts";
export { readResultOfStep } from "./step-result.ts";
export { checkRestart, type RestartRequest } from "./restart.ts";
