export { ApiError, errorTable, notFound, type ErrorCode } from "./error.ts";
export {
  jsonDepth,
  jsonElements,
  jsonMembers,
  jsonObject,
  jsonStrings,
  maximumDepth,
  replaceJsonStrings,
} from "./json-text.ts";
export { isLanguage, languages, type Language } from "./language.ts";
export { openapi } from "./openapi.ts";
export {
  operation,
  type Access,
  type AnswerOf,
  type BodyOf,
  type Media,
  type OperationSpec,
  type ParamsOf,
  type QueryOf,
} from "./operation.ts";
export * from "./operations/index.ts";
export type { EditApp, NewApp } from "./operations/apps.ts";
export type { ExportedUser } from "./operations/export-instance.ts";
export type { ExportQuery } from "./operations/export.ts";
export { protectionRuleKinds, type ProtectionRuleKind } from "./operations/protection-rules.ts";
export type { EditFlow, NewFlow } from "./operations/flows-fields.ts";
export type { RestartedFrom } from "./operations/flows-runs.ts";
export type { EditedSchedule, NewSchedule } from "./operations/schedules-fields.ts";
export type { NewScript } from "./operations/script-fields.ts";
export { triggerDefaults, type TriggerKind } from "./operations/triggers-fields.ts";
export { triggerKinds, triggerOperationsOf, type TriggerBody, type TriggerVerb } from "./operations/triggers.ts";
export { isItemPath, pathOwner, requireItemPath } from "./path.ts";
export { allowed, folderAccess, principals, type Acl, type Member } from "./permission.ts";
export type { Choice } from "./query.ts";
export {
  isScope,
  scopeDomains,
  scopePathPatterns,
  scopesAllow,
  scopesReach,
  scopeText,
  type RequiredScope,
  type ScopeAction,
  type ScopeDomain,
} from "./scope.ts";
export { windmillOperations, type KnownOperation } from "./windmill-operations.ts";
