import {
  appsOperations,
  draftsOperations,
  exportOperations,
  favoritesOperations,
  nativeTriggersOperations,
  protectionRulesOperations,
  rawAppsOperations,
  resourceHistoryOperations,
  resourcesOperations,
  resourceTypesOperations,
  schedulesOperations,
  scriptsCodeOperations,
  scriptsListOperations,
  scriptsOperations,
  trashOperations,
  variablesOperations,
  workspaceDependenciesOperations,
  workspaceForksOperations,
} from "@towermill/contract";
import type { Route } from "../http/app.ts";
import { mount } from "../http/mount.ts";
import type { Authentication } from "../identity/authentication.ts";
import { pushDependencyJob } from "../scripts/dependency-job.ts";
import type { Services } from "../services.ts";
import { appsHandlers } from "./apps.ts";
import { draftsHandlers } from "./drafts.ts";
import { exportHandlers } from "./export.ts";
import { favoritesHandlers } from "./favorites.ts";
import { protectionRulesHandlers } from "./protection-rules.ts";
import { rawAppsHandlers } from "./raw-apps.ts";
import { resourceHistoryHandlers } from "./resource-history.ts";
import { resourceTypesHandlers } from "./resource-types.ts";
import { resourcesHandlers } from "./resources.ts";
import { schedulesHandlers } from "./schedules.ts";
import { scriptsCodeHandlers } from "./scripts-code.ts";
import { scriptsListHandlers } from "./scripts-list.ts";
import { scriptsHandlers } from "./scripts.ts";
import { trashHandlers } from "./trash.ts";
import { nativeTriggersHandlers } from "./triggers-native.ts";
import { triggerRoutes } from "./triggers.ts";
import { variablesHandlers } from "./variables.ts";
import { workspaceDependenciesHandlers } from "./workspace-dependencies.ts";
import { workspaceForksHandlers } from "./workspace-forks.ts";

/** Routes of what a workspace holds. */
export function itemRoutes(services: Services, auth: Authentication): Route[] {
  return [
    ...mount(appsOperations, appsHandlers(services)),
    ...mount(rawAppsOperations, rawAppsHandlers(services)),
    ...triggerRoutes(services),
    ...mount(nativeTriggersOperations, nativeTriggersHandlers(services)),
    ...mount(workspaceDependenciesOperations, workspaceDependenciesHandlers(services)),
    ...mount(resourceHistoryOperations, resourceHistoryHandlers(services)),
    ...mount(trashOperations, trashHandlers(services)),
    ...mount(protectionRulesOperations, protectionRulesHandlers(services)),
    ...mount(exportOperations, exportHandlers(services)),
    ...mount(scriptsOperations, scriptsHandlers(services, { pushDependencyJob })),
    ...mount(scriptsListOperations, scriptsListHandlers(services)),
    ...mount(schedulesOperations, schedulesHandlers(services)),
    ...mount(scriptsCodeOperations, scriptsCodeHandlers(services, { auth })),
    ...mount(draftsOperations, draftsHandlers(services)),
    ...mount(favoritesOperations, favoritesHandlers(services)),
    ...mount(variablesOperations, variablesHandlers(services)),
    ...mount(resourcesOperations, resourcesHandlers(services)),
    ...mount(resourceTypesOperations, resourceTypesHandlers(services)),
    ...mount(workspaceForksOperations, workspaceForksHandlers(services, auth)),
  ];
}
