import {
  instanceJobsOperations,
  jobQueueOperations,
  jobResultsOperations,
  jobsOperations,
  jobUpdatesOperations,
  previewOperations,
  runsOperations,
  workersOperations,
} from "@towermill/contract";
import { createDeployedFlows } from "@towermill/flow-driver";
import { createFlowStarter } from "../flows/start.ts";
import { createFlowView } from "../flows/view.ts";
import type { Route } from "../http/app.ts";
import { mount } from "../http/mount.ts";
import type { Authentication } from "../identity/authentication.ts";
import { createJobEvents } from "../jobs/events.ts";
import { createStarter, type Starter } from "../jobs/start.ts";
import type { Services } from "../services.ts";
import { flowRoutes } from "./flow-routes.ts";
import { jobQueueHandlers } from "./job-queue.ts";
import { jobResultsHandlers } from "./job-results.ts";
import { jobUpdatesHandlers } from "./job-updates.ts";
import { jobsHandlers } from "./jobs.ts";
import { previewsHandlers } from "./previews.ts";
import { runsHandlers } from "./runs.ts";
import { instanceJobsHandlers, workersHandlers } from "./workers.ts";

/** Routes of jobs, flows and workers. Whoever else starts jobs in this process may share its `starter`. */
export function jobRoutes(
  services: Services,
  auth: Authentication,
  starter: Starter = createStarter(services, auth),
): Route[] {
  const jobEvents = createJobEvents(services.bus);
  const flows = createDeployedFlows(services);
  const flowStarter = createFlowStarter(services, { auth, starter, flows });
  const view = createFlowView({ db: services.db, flows });
  return [
    ...mount(runsOperations, runsHandlers(services, { starter, flowStarter, jobEvents })),
    ...mount(previewOperations, previewsHandlers(services, { starter })),
    ...mount(jobsOperations, jobsHandlers(services, { view })),
    ...mount(jobResultsOperations, jobResultsHandlers(services, { flows, view })),
    ...mount(jobUpdatesOperations, jobUpdatesHandlers(services, { jobEvents, view })),
    ...flowRoutes(services, { starter, flowStarter, jobEvents, flows }),
    ...mount(jobQueueOperations, jobQueueHandlers(services)),
    ...mount(workersOperations, workersHandlers(services)),
    ...mount(instanceJobsOperations, instanceJobsHandlers(services, auth)),
  ];
}
