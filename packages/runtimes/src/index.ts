export { cleanCache, type CleanupReport, type CleanupRequest } from "./cache/cleanup.ts";
export type { RuntimeOptions } from "./cache/installer.ts";
export { createExecutor, type ExecutorLimits, type ExecutorOptions } from "./executor.ts";
export { standardRuntimes } from "./languages.ts";
export { pinnedDatabase } from "./postgresql/directive.ts";
export type {
  Detection,
  Executor,
  IsolationDomain,
  IsolationReport,
  JobError,
  LanguageRuntime,
  LockOutcome,
  LockRequest,
  Prepared,
  RunIo,
  RunMeasure,
  RunnerKind,
  RunOutcome,
  RunRequest,
  ScriptSource,
  WorkspaceScripts,
} from "./runtime.ts";
export type { RunTool, ToolOutcome, ToolRequest } from "./sandbox/tool.ts";
