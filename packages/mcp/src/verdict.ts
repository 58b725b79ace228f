import type { OperationSpec } from "@towermill/contract";
import { confinement, coversPath, type Grant } from "./grant.ts";
import type { EndpointTool } from "./endpoint/tool.ts";
import type { Runnable } from "./runnable/runnable.ts";
import type { Session } from "./session.ts";

/**
 * Whether a tool may be listed and called: one decision for both, so that nothing is listed that is refused and nothing
 * callable is hidden. `because` is what `explain` answers.
 */
export type Verdict = { allowed: true } | { allowed: false; because: Because; reason: string };

export type Because = "scope" | "read_only" | "role" | "narrowed" | "favorite" | "path" | "workspace";

const yes: Verdict = { allowed: true };

function no(because: Because, reason: string): Verdict {
  return { allowed: false, because, reason };
}

/** Domains whose items live at workspace paths. */
const pathDomains = new Set([
  "scripts", "flows", "apps", "raw_apps", "variables", "resources", "schedules", "drafts", "acls",
  "http_triggers", "websocket_triggers", "kafka_triggers", "nats_triggers", "mqtt_triggers", "amqp_triggers",
  "sqs_triggers", "gcp_triggers", "azure_triggers", "postgres_triggers", "email_triggers", "native_triggers",
]); // prettier-ignore

function isRunByPath(op: OperationSpec): boolean {
  return op.scope?.action === "run" && op.scope.kind !== undefined;
}

/** Paths the grant allows for an operation; `null` = any, or the operation knows no paths. */
function patternsFor(grant: Grant, op: OperationSpec): readonly string[] | null {
  if (isRunByPath(op)) {
    const patterns = op.scope?.kind === "flows" ? grant.flows : grant.scripts;
    return patterns.includes("*") ? null : patterns;
  }
  const confined = confinement(grant);
  if (confined === null || !op.scope) return null;
  if (op.scope.domain === "scripts") return grant.scripts;
  if (op.scope.domain === "flows") return grant.flows;
  return pathDomains.has(op.scope.domain) || op.scope.action === "run" ? confined : null;
}

/** REST scopes an operation is called with, and whether they hold paths. */
export function scopesFor(
  session: Session,
  op: OperationSpec,
  favorite: string | null = null,
): { scopes: readonly string[] | null; confined: boolean } {
  const { grant, principal } = session;
  if (principal.scopes === null) return { scopes: null, confined: false };
  if (grant.within !== null) return { scopes: grant.within, confined: false };
  if (!op.scope) return { scopes: [...grant.markers], confined: false };
  const plain = [op.scope.domain, op.scope.action, op.scope.kind].filter((part) => part !== undefined).join(":");
  const patterns = patternsFor(grant, op);
  if (patterns === null) return { scopes: [plain, ...grant.markers], confined: false };
  const paths = favorite === null ? patterns : [...patterns, favorite];
  return {
    scopes: paths.length === 0 ? [...grant.markers] : [`${plain}:${[...new Set(paths)].join(",")}`, ...grant.markers],
    confined: true,
  };
}

function narrowed(session: Session, tool: { name: string; toolset: string; readOnly: boolean }): Verdict {
  const { mode, toolsets, tools, exclude, readOnly } = session.narrowing;
  if (mode === "runnables" && tool.toolset !== "runnables" && tool.toolset !== "jobs")
    return no("narrowed", "this address shows scripts and flows only (mode=runnables)");
  if (mode === "session" && tool.toolset === "runnables")
    return no("narrowed", "this address shows no tool per script (mode=session); use runScriptByPath, or mode=all");
  if (toolsets !== null && !toolsets.has(tool.toolset))
    return no(
      "narrowed",
      `the request asks for the toolsets ${[...toolsets].join(", ") || "(none)"} only; this one is in ${tool.toolset}`,
    );
  if (tools !== null && !tools.has(tool.name))
    return no("narrowed", `the request asks for the tools ${[...tools].join(", ") || "(none)"} only`);
  if (exclude.has(tool.name)) return no("narrowed", "the request excludes it");
  if (readOnly && !tool.readOnly) return no("narrowed", "the request asks for tools that only read");
  return yes;
}

function ofRole(session: Session, op: OperationSpec): Verdict {
  const { principal, member } = session;
  if (op.deniesJobTokens && principal.ofJob) return no("role", "the token of a job cannot be used for it");
  if (op.access === "superadmin" && principal.role !== "superadmin") return no("role", "it needs a superadmin");
  if (op.access === "devops" && principal.role === "user") return no("role", "it needs a devops or superadmin");
  if (op.access === "admin" && member !== null && !member.isAdmin)
    return no("role", `it needs an admin of ${member.workspace}`);
  const writes = op.access === "developer" || op.runsCallerCode === true;
  if (writes && member !== null && member.isOperator && !member.isAdmin)
    return no("role", `operators of ${member.workspace} only run things`);
  return yes;
}

function granted(session: Session, tool: EndpointTool): boolean {
  const { endpoints, toolsets, reading, running } = session.grant;
  if (endpoints.has("*") || endpoints.has(tool.name)) return true;
  const toolset = toolsets.get(tool.toolset);
  if (toolset === "write" || (toolset === "read" && tool.readOnly)) return true;
  if (running && (tool.runs || (tool.readOnly && tool.toolset === "jobs"))) return true;
  return reading && tool.readOnly;
}

/** Without `paths`: may it be called at all. With: may it be called on these. */
export function judgeEndpoint(
  session: Session,
  tool: EndpointTool,
  touched: { paths?: readonly string[]; isFavorite?: (path: string) => boolean } = {},
): Verdict {
  const { operation: op } = tool;
  const { grant, principal } = session;
  if (!granted(session, tool) && !isRunByPath(op))
    return no("scope", `the token's scopes do not cover it; mcp:endpoints:${tool.name} would`);
  if (principal.readOnly && !tool.readOnly) return no("read_only", "the token is read-only");
  const ruled = [ofRole(session, op), narrowed(session, tool)].find((verdict) => !verdict.allowed);
  if (ruled) return ruled;
  if (principal.scopes === null || grant.within !== null)
    return grant.within === null ? yes : withinScopes(session, tool);
  return judgePaths(session, tool, touched);
}

function withinScopes({ grant }: Session, { operation: op }: EndpointTool): Verdict {
  const { domain = "", action = "" } = op.scope ?? {};
  const fits = (grant.within ?? []).some((scope) => {
    const [ownDomain, ownAction, kind] = scope.split(":");
    const kindFits = action !== "run" || kind === undefined || kind === op.scope?.kind;
    return ownDomain === domain && kindFits && (ownAction === action || (ownAction === "write" && action === "read"));
  });
  return fits ? yes : no("scope", `the token's other scopes do not hold ${domain}:${action}`);
}

function judgePaths(
  session: Session,
  tool: EndpointTool,
  { paths, isFavorite }: { paths?: readonly string[]; isFavorite?: (path: string) => boolean },
): Verdict {
  const { operation: op } = tool;
  const { grant } = session;
  if (confinement(grant) !== null && op.scope?.domain === "workspaces")
    return no("path", "the token is confined to paths, and this is about the whole workspace");
  const patterns = patternsFor(grant, op);
  if (patterns === null) return yes;
  if (isRunByPath(op) && patterns.length === 0 && !grant.favorites)
    return no("scope", `the token may run no ${op.scope?.kind ?? "scripts"}`);
  const takesPath =
    tool.params.includes("path") || (tool.body !== null && tool.body !== "raw" && "path" in tool.body.properties);
  const changes = op.scope?.action !== "read";
  if (changes && (!takesPath || op.runsCallerCode))
    return no("path", "the token is confined to paths, and this has none");
  const outside = (paths ?? []).find(
    (path) => !coversPath(patterns, path) && !(isRunByPath(op) && grant.favorites && isFavorite?.(path)),
  );
  return outside === undefined ? yes : no("path", `the token does not cover ${outside}`);
}

export function judgeRunnable(
  session: Session,
  runnable: Pick<Runnable, "kind" | "path" | "toolName" | "hints">,
  isFavorite: boolean,
): Verdict {
  const { grant, principal } = session;
  const readOnly = runnable.hints.readOnly === true;
  if (principal.readOnly) return no("read_only", "the token is read-only, and running something is not reading");
  const patterns = runnable.kind === "flow" ? grant.flows : grant.scripts;
  if (!coversPath(patterns, runnable.path) && !(grant.favorites && isFavorite)) {
    if (grant.favorites)
      return no(
        "favorite",
        "it is not among the favourites of the token's owner, and the token covers favourites only",
      );
    return no("scope", `the token's scopes do not cover it; mcp:${runnable.kind}s:${runnable.path} would`);
  }
  if (grant.within !== null && !runsWithin(grant.within, runnable))
    return no("scope", `the token's other scopes do not hold jobs:run:${runnable.kind}s:${runnable.path}`);
  return narrowed(session, { name: runnable.toolName, toolset: "runnables", readOnly });
}

function runsWithin(within: readonly string[], { kind, path }: Pick<Runnable, "kind" | "path">): boolean {
  return within.some((scope) => {
    const [domain, action, only, paths] = scope.split(":");
    if (domain !== "jobs" || action !== "run" || (only !== undefined && only !== `${kind}s`)) return false;
    return paths === undefined || coversPath(paths.split(","), path);
  });
}
