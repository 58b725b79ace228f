import type { OperationSpec } from "../operation.ts";
import { accountOperations } from "./accounts.ts";
import { aclOperations } from "./acls.ts";
import { auditOperations } from "./audit.ts";
import { datatablesOperations } from "./datatables.ts";
import { docsOperations } from "./docs.ts";
import { draftsOperations } from "./drafts.ts";
import { favoritesOperations } from "./favorites.ts";
import { flowsApprovalsOperations } from "./flows-approvals.ts";
import { flowsListOperations } from "./flows-list.ts";
import { flowsRecordsOperations } from "./flows-records.ts";
import { flowsPreviewOperations, flowsRunsOperations } from "./flows-runs.ts";
import { flowsOperations } from "./flows.ts";
import { folderOperations } from "./folders.ts";
import { configOperations, globalOperations } from "./globals.ts";
import { groupOperations } from "./groups.ts";
import { inviteOperations } from "./invites.ts";
import { jobQueueOperations } from "./job-queue.ts";
import { jobResultsOperations } from "./job-results.ts";
import { jobUpdatesOperations } from "./job-updates.ts";
import { jobsOperations } from "./jobs.ts";
import { loginOperations } from "./login.ts";
import { mcpOperations } from "./mcp.ts";
import { memberOperations } from "./members.ts";
import { resourceTypesOperations } from "./resource-types.ts";
import { resourcesOperations } from "./resources.ts";
import { previewOperations, runsOperations } from "./runs.ts";
import { schedulesOperations } from "./schedules.ts";
import { scriptsCodeOperations } from "./scripts-code.ts";
import { scriptsListOperations } from "./scripts-list.ts";
import { scriptsOperations } from "./scripts.ts";
import { settingsOperations } from "./settings.ts";
import { sharedUiOperations } from "./shared-ui.ts";
import { slackOperations } from "./slack.ts";
import { tokenOperations } from "./tokens.ts";
import { variablesOperations } from "./variables.ts";
import { instanceJobsOperations, workersOperations } from "./workers.ts";
import { workspaceSettingsOperations } from "./workspace-settings.ts";
import { workspaceOperations } from "./workspaces.ts";
import { appsOperations } from "./apps.ts";
import { exportOperations } from "./export.ts";
import { nativeTriggersOperations } from "./triggers-native.ts";
import { protectionRulesOperations } from "./protection-rules.ts";
import { rawAppsOperations } from "./raw-apps.ts";
import { resourceHistoryOperations } from "./resource-history.ts";
import { trashOperations } from "./trash.ts";
import { workspaceDependenciesOperations } from "./workspace-dependencies.ts";
import { workspaceForksOperations } from "./workspace-forks.ts";
import { triggerAddressOperations, triggersOperations } from "./triggers.ts";
import { instanceGroupsOperations, instanceUsersOperations } from "./export-instance.ts";

export {
  instanceGroupsOperations,
  instanceUsersOperations,
  appsOperations,
  exportOperations,
  nativeTriggersOperations,
  protectionRulesOperations,
  rawAppsOperations,
  resourceHistoryOperations,
  trashOperations,
  workspaceDependenciesOperations,
  workspaceForksOperations,
  datatablesOperations,
  slackOperations,
  triggerAddressOperations,
  triggersOperations,
  accountOperations,
  aclOperations,
  auditOperations,
  configOperations,
  docsOperations,
  draftsOperations,
  favoritesOperations,
  flowsApprovalsOperations,
  flowsListOperations,
  flowsOperations,
  flowsPreviewOperations,
  flowsRecordsOperations,
  flowsRunsOperations,
  folderOperations,
  globalOperations,
  groupOperations,
  instanceJobsOperations,
  inviteOperations,
  jobQueueOperations,
  jobResultsOperations,
  jobUpdatesOperations,
  jobsOperations,
  loginOperations,
  mcpOperations,
  memberOperations,
  previewOperations,
  resourceTypesOperations,
  resourcesOperations,
  runsOperations,
  schedulesOperations,
  scriptsCodeOperations,
  scriptsListOperations,
  scriptsOperations,
  settingsOperations,
  sharedUiOperations,
  tokenOperations,
  variablesOperations,
  workersOperations,
  workspaceOperations,
  workspaceSettingsOperations,
};

/** The whole API. A group is one file here and one handler file in the server. */
export const operations: readonly OperationSpec[] = [
  ...instanceGroupsOperations,
  ...instanceUsersOperations,
  ...appsOperations,
  ...exportOperations,
  ...nativeTriggersOperations,
  ...protectionRulesOperations,
  ...rawAppsOperations,
  ...resourceHistoryOperations,
  ...trashOperations,
  ...workspaceDependenciesOperations,
  ...workspaceForksOperations,
  ...datatablesOperations,
  ...slackOperations,
  ...triggerAddressOperations,
  ...triggersOperations,
  ...accountOperations,
  ...aclOperations,
  ...auditOperations,
  ...configOperations,
  ...docsOperations,
  ...draftsOperations,
  ...favoritesOperations,
  ...flowsApprovalsOperations,
  ...flowsListOperations,
  ...flowsOperations,
  ...flowsPreviewOperations,
  ...flowsRecordsOperations,
  ...flowsRunsOperations,
  ...folderOperations,
  ...globalOperations,
  ...groupOperations,
  ...instanceJobsOperations,
  ...inviteOperations,
  ...jobQueueOperations,
  ...jobResultsOperations,
  ...jobUpdatesOperations,
  ...jobsOperations,
  ...loginOperations,
  ...mcpOperations,
  ...memberOperations,
  ...previewOperations,
  ...resourceTypesOperations,
  ...resourcesOperations,
  ...runsOperations,
  ...schedulesOperations,
  ...scriptsCodeOperations,
  ...scriptsListOperations,
  ...scriptsOperations,
  ...settingsOperations,
  ...sharedUiOperations,
  ...tokenOperations,
  ...variablesOperations,
  ...workersOperations,
  ...workspaceOperations,
  ...workspaceSettingsOperations,
];
