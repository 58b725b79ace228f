import {
  flowsApprovalsOperations,
  flowsListOperations,
  flowsOperations,
  flowsPreviewOperations,
  flowsRecordsOperations,
  flowsRunsOperations,
} from "@towermill/contract";
import type { DeployedFlows } from "@towermill/flow-driver";
import { createFlowStarter } from "../flows/start.ts";
import type { Route } from "../http/app.ts";
import { mount } from "../http/mount.ts";
import type { Authentication } from "../identity/authentication.ts";
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
  auth: Pick<Authentication, "memberOf">;
  starter: Starter;
  jobEvents: JobEvents;
  flows: DeployedFlows;
}

/** Routes of flows: what is deployed, how it runs, who approves, what is left of runs. */
export function flowRoutes(services: Services, { auth, starter, jobEvents, flows }: FlowRouteOptions): Route[] {
  const flowStarter = createFlowStarter(services, { auth, starter, flows });
  return [
    ...mount(flowsOperations, flowsHandlers(services)),
    ...mount(flowsListOperations, flowsListHandlers(services)),
    ...mount(flowsRunsOperations, flowsRunsHandlers(services, { starter, flowStarter, jobEvents, flows })),
    ...mount(flowsPreviewOperations, flowsPreviewsHandlers(services, { starter, flowStarter, flows })),
    ...mount(flowsApprovalsOperations, flowsApprovalsHandlers(services, { driver: services.flowDriver, flows })),
    ...mount(flowsRecordsOperations, flowsRecordsHandlers(services)),
  ];
}
