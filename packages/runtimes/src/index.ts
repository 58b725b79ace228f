export { createExecutor, type ExecutorLimits, type ExecutorOptions } from "./executor.ts";
export type { RunTool, ToolOutcome, ToolRequest } from "./sandbox/tool.ts";
