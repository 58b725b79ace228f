import {
  accountOperations,
  aclOperations,
  auditOperations,
  configOperations,
  datatablesOperations,
  folderOperations,
  globalOperations,
  groupOperations,
  instanceGroupsOperations,
  instanceUsersOperations,
  inviteOperations,
  loginOperations,
  memberOperations,
  sharedUiOperations,
  slackOperations,
  tokenOperations,
  workspaceOperations,
  workspaceSettingsOperations,
} from "@towermill/contract";
import type { Route } from "../http/app.ts";
import { mount } from "../http/mount.ts";
import type { Services } from "../services.ts";
import { accountHandlers } from "./accounts.ts";
import { aclHandlers } from "./acls.ts";
import { auditHandlers } from "./audit.ts";
import { configHandlers } from "./configs.ts";
import { datatablesHandlers } from "./datatables.ts";
import { instanceGroupsHandlers } from "./export-instance-groups.ts";
import { instanceUsersHandlers } from "./export-instance-users.ts";
import { folderHandlers } from "./folders.ts";
import { globalHandlers } from "./globals.ts";
import { groupHandlers } from "./groups.ts";
import { inviteHandlers } from "./invites.ts";
import { loginHandlers } from "./login.ts";
import { memberHandlers } from "./members.ts";
import { sharedUiHandlers } from "./shared-ui.ts";
import { slackHandlers } from "./slack.ts";
import { tokenHandlers } from "./tokens.ts";
import { workspaceSettingsHandlers } from "./workspace-settings.ts";
import { workspaceHandlers } from "./workspaces.ts";

/** Who is who and who may do what: accounts, logins, tokens, workspaces, members, groups, folders, settings, audit. */
export function identityRoutes(services: Services): Route[] {
  return [
    mount(loginOperations, loginHandlers(services)),
    mount(accountOperations, accountHandlers(services)),
    mount(instanceUsersOperations, instanceUsersHandlers(services)),
    mount(instanceGroupsOperations, instanceGroupsHandlers(services)),
    mount(tokenOperations, tokenHandlers(services)),
    mount(memberOperations, memberHandlers(services)),
    mount(inviteOperations, inviteHandlers(services)),
    mount(workspaceOperations, workspaceHandlers(services)),
    mount(workspaceSettingsOperations, workspaceSettingsHandlers(services)),
    mount(sharedUiOperations, sharedUiHandlers(services)),
    mount(groupOperations, groupHandlers(services)),
    mount(folderOperations, folderHandlers(services)),
    mount(aclOperations, aclHandlers(services)),
    mount(auditOperations, auditHandlers(services)),
    mount(globalOperations, globalHandlers(services)),
    mount(configOperations, configHandlers(services)),
    mount(datatablesOperations, datatablesHandlers(services)),
    mount(slackOperations, slackHandlers(services)),
  ].flat();
}
