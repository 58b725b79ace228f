export { configClients, configText, type ConfigClient, type ConfigRequest } from "./config-text.ts";
export { createMcp, type Mcp, type McpOptions } from "./mcp.ts";
export { taskTimes, type TaskKeeper, type TaskState } from "./job/task.ts";
export { declaresTasks, requireTasks } from "./protocol/tasks.ts";
export type { AuditNote, Host, Invocation, Principal } from "./host.ts";
export { readGrant, type Grant } from "./grant.ts";
export { flowSource, scriptSource, type FoundRunnable, type RunnableSource } from "./runnable/runnable.ts";
export { toolName } from "./runnable/name.ts";
export { toolTable } from "./tool-table.ts";
