export { createMcp, type Mcp } from "./mcp.ts";
export type { AuditNote, Host, Invocation, Principal } from "./host.ts";
export { readGrant, type Grant } from "./grant.ts";
export { scriptSource, type FoundRunnable, type RunnableSource } from "./runnable/runnable.ts";
export { toolName } from "./runnable/name.ts";
