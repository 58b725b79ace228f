export { behalfOf, type Behalf, type Members } from "./behalf.ts";
export { loadGroup, loadMember, loadPrincipal, superAdminMember, type Principal } from "./member.ts";
export {
  baseJob,
  entrypointOf,
  permissionedAsOf,
  scriptJob,
  tagFor,
  type RunOptions,
  type ScriptRun,
} from "./new-job.ts";
export type { Requester, Runner } from "./requester.ts";
export {
  createRunnables,
  type Runnables,
  type ScriptOptions,
  type ScriptVersion,
  type Target,
} from "./script-version.ts";
export {
  defaultTags,
  defaultTag,
  fillIn,
  isOpenTo,
  parseCustomTag,
  readCustomTags,
  readPerWorkspace,
  readTagRules,
  requireTag,
  type TagRules,
} from "./tag.ts";
export {
  createUnattended,
  type Flows,
  type RunnableFlow,
  type RunnableName,
  type Unattended,
  type UnattendedOptions,
  type UnattendedRun,
} from "./unattended.ts";
export { scheduleCreator, scheduledRun, type ScheduledRunnable } from "./scheduled-run.ts";
