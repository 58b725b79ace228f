import {
  flowsApprovalsOperations,
  flowsListOperations,
  flowsOperations,
  flowsPreviewOperations,
  flowsRecordsOperations,
  flowsRunsOperations,
} from "@towermill/contract";
import type { DeployedFlows } from "@towermill/flow-driver";
import type { FlowStarter } from "../flows/start.ts";
import type { Route } from "../http/app.ts";
import { mount } from "../http/mount.ts";
import type { JobEvents } from "../jobs/events.ts";
import type { Starter } from "../jobs/start.ts";
import type { Services } from "../services.ts";
import { flowsApprovalsHandlers } from "./flows-approvals.ts";
import { flowsListHandlers } from "./flows-list.ts";
import { flowsPreviewsHandlers } from "./flows-previews.ts";
import { flowsRecordsHandlers } from "./flows-records.ts";
import { flowsRunsHandlers } from "./flows-runs.ts";
import { flowsHandlers } from "./flows.ts";

export interface FlowRouteOptions {
  starter: Starter;
  flowStarter: FlowStarter;
  jobEvents: JobEvents;
  flows: DeployedFlows;
}

/** Routes of flows: what is deployed, how it runs, who approves, what is left of runs. */
export function flowRoutes(services: Services, { starter, flowStarter, jobEvents, flows }: FlowRouteOptions): Route[] {
  return [
    ...mount(flowsOperations, flowsHandlers(services)),
    ...mount(flowsListOperations, flowsListHandlers(services)),
    ...mount(flowsRunsOperations, flowsRunsHandlers(services, { starter, flowStarter, jobEvents, flows })),
    ...mount(flowsPreviewOperations, flowsPreviewsHandlers(services, { starter, flowStarter, flows })),
    ...mount(flowsApprovalsOperations, flowsApprovalsHandlers({ services, driver: services.flowDriver, flows })),
    ...mount(flowsRecordsOperations, flowsRecordsHandlers(services)),
  ];
}
