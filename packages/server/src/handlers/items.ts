import {
  draftsOperations,
  favoritesOperations,
  resourcesOperations,
  resourceTypesOperations,
  scriptsCodeOperations,
  scriptsListOperations,
  scriptsOperations,
  variablesOperations,
} from "@towermill/contract";
import type { Route } from "../http/app.ts";
import { mount } from "../http/mount.ts";
import type { Authentication } from "../identity/authentication.ts";
import { pushDependencyJob } from "../scripts/dependency-job.ts";
import type { Services } from "../services.ts";
import { draftsHandlers } from "./drafts.ts";
import { favoritesHandlers } from "./favorites.ts";
import { resourceTypesHandlers } from "./resource-types.ts";
import { resourcesHandlers } from "./resources.ts";
import { scriptsCodeHandlers } from "./scripts-code.ts";
import { scriptsListHandlers } from "./scripts-list.ts";
import { scriptsHandlers } from "./scripts.ts";
import { variablesHandlers } from "./variables.ts";

/** Routes of what a workspace holds. */
export function itemRoutes(services: Services, auth: Authentication): Route[] {
  return [
    ...mount(scriptsOperations, scriptsHandlers(services, { pushDependencyJob })),
    ...mount(scriptsListOperations, scriptsListHandlers(services)),
    ...mount(scriptsCodeOperations, scriptsCodeHandlers(services, { auth })),
    ...mount(draftsOperations, draftsHandlers(services)),
    ...mount(favoritesOperations, favoritesHandlers(services)),
    ...mount(variablesOperations, variablesHandlers(services)),
    ...mount(resourcesOperations, resourcesHandlers(services)),
    ...mount(resourceTypesOperations, resourceTypesHandlers(services)),
  ];
}
