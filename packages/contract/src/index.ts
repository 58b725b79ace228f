export { ApiError, errorTable, notFound, type ErrorCode } from "./error.ts";
export { jsonDepth, jsonMembers, jsonObject, jsonStrings, maximumDepth, replaceJsonStrings } from "./json-text.ts";
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
export type { NewScript } from "./operations/script-fields.ts";
export { isItemPath, pathOwner, requireItemPath } from "./path.ts";
export { allowed, folderAccess, principals, type Acl, type Member } from "./permission.ts";
export type { Choice } from "./query.ts";
export {
  isScope,
  scopeDomains,
  scopePathPatterns,
  scopesAllow,
  scopeText,
  type RequiredScope,
  type ScopeAction,
  type ScopeDomain,
} from "./scope.ts";
export { windmillOperations, type KnownOperation } from "./windmill-operations.ts";
