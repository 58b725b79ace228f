/** Token scopes: Windmill's grammar `{domain}:{action}[:{paths}]`, for runs `jobs:run[:scripts|flows[:paths]]`. */
export const scopeDomains = [
  "jobs",
  "scripts",
  "flows",
  "apps",
  "raw_apps",
  "variables",
  "resources",
  "schedules",
  "folders",
  "users",
  "groups",
  "workspaces",
  "audit",
  "settings",
  "workers",
  "configs",
  "drafts",
  "favorites",
  "inputs",
  "job_helpers",
  "concurrency_groups",
  "acls",
  "capture",
  "oauth",
  "openapi",
  "mcp",
  "docs",
  "service_logs",
  "data_metrics",
  "flow_conversations",
  "http_triggers",
  "websocket_triggers",
  "kafka_triggers",
  "nats_triggers",
  "mqtt_triggers",
  "amqp_triggers",
  "sqs_triggers",
  "gcp_triggers",
  "azure_triggers",
  "postgres_triggers",
  "email_triggers",
  "native_triggers",
  "ai",
  "ai_skills",
  "indexer",
  "teams",
  "git_sync",
  "oidc",
  "agent_workers",
  "assets",
] as const;

export type ScopeDomain = (typeof scopeDomains)[number];
export type ScopeAction = "read" | "write" | "run";

export interface RequiredScope {
  domain: ScopeDomain;
  action: ScopeAction;
  /** For `jobs:run`: `scripts` or `flows`. */
  kind?: string | undefined;
  /** Workspace path the call touches; without one only a scope without paths is enough. */
  path?: string | undefined;
}

interface Scope {
  domain: string;
  action: string;
  kind?: string;
  paths?: string[];
}

/** Restrict what is seen, or mark a special token; they grant nothing by themselves. */
const markers = new Set(["app_embed", "raw_app_sdk"]);

function parseScope(text: string): Scope | null {
  const parts = text.split(":");
  const [domain, action, third, fourth] = parts;
  if (!domain || !action || parts.length > 4 || domain === "if_jobs" || markers.has(text)) return null;
  if (domain === "jobs" && action === "run") {
    return { domain, action, ...(third ? { kind: third } : {}), ...(fourth ? { paths: fourth.split(",") } : {}) };
  }
  if (parts.length === 4) return null;
  return { domain, action: action === "delete" ? "write" : action, ...(third ? { paths: third.split(",") } : {}) };
}

/** Whether `text` is a scope this server understands; tokens with any other are refused when they are made. */
export function isScope(text: string): boolean {
  if (text === "mcp" || text.startsWith("if_jobs:filter_tags:") || markers.has(text)) return true;
  const scope = parseScope(text);
  if (!scope || !(scopeDomains as readonly string[]).includes(scope.domain)) return false;
  return scope.domain === "mcp" || ["read", "write", "run"].includes(scope.action);
}

function coversPath(patterns: string[], path: string): boolean {
  return patterns.some((pattern) => {
    if (pattern === "*" || pattern === path) return true;
    if (!pattern.endsWith("/*")) return false;
    const prefix = pattern.slice(0, -2);
    return path === prefix || path.startsWith(`${prefix}/`);
  });
}

function covers(scope: Scope, required: RequiredScope): boolean {
  if (scope.domain !== required.domain) return false;
  const actionFits = scope.action === required.action || (scope.action === "write" && required.action === "read");
  if (!actionFits) return false;
  if (scope.kind !== undefined && scope.kind !== required.kind) return false;
  if (scope.paths === undefined) return true;
  return required.path !== undefined && coversPath(scope.paths, required.path);
}

/**
 * Whether a token's scopes allow what a call needs. `null` scopes = all rights of the user; a list only ever narrows,
 * and a scope that is not understood grants nothing.
 */
export function scopesAllow(scopes: readonly string[] | null, required: RequiredScope): boolean {
  if (scopes === null) return true;
  return scopes.some((text) => {
    const scope = parseScope(text);
    return scope !== null && covers(scope, required);
  });
}

/** The same for a call that answers only what the scopes' paths cover, whatever these are. */
export function scopesReach(scopes: readonly string[] | null, required: Omit<RequiredScope, "path">): boolean {
  if (scopes === null) return true;
  return scopes.some((text) => {
    const scope = parseScope(text);
    return scope !== null && covers({ ...scope, paths: ["*"] }, { ...required, path: "" });
  });
}

/** Path patterns a token is narrowed to for lists of a domain; `null` = no narrowing, `[]` = nothing. */
export function scopePathPatterns(scopes: readonly string[] | null, domain: ScopeDomain): string[] | null {
  if (scopes === null) return null;
  const found = scopes
    .map(parseScope)
    .filter((s): s is Scope => s !== null && s.domain === domain && s.action !== "run");
  if (found.some((s) => s.paths === undefined)) return null;
  return found.flatMap((s) => s.paths ?? []);
}

/** The scope as Windmill writes it in its refusals. */
export function scopeText(required: RequiredScope): string {
  return [required.domain, required.action, required.kind, required.path]
    .filter((part) => part !== undefined)
    .join(":");
}
