import { hkdfSync } from "node:crypto";
import { ApiError, type Member, type OperationSpec } from "@towermill/contract";
import { memberIn } from "../http/access.ts";
import { errorAnswer } from "../http/answer.ts";
import { toApiError, type Route } from "../http/app.ts";
import { invoke } from "../http/invoke.ts";
import { auditTrail, globalAudit } from "../identity/audit-trail.ts";
import type { Authentication } from "../identity/authentication.ts";
import type { Caller } from "../identity/caller.ts";
import { visibleWorkspaces } from "../identity/visible-workspaces.ts";
import { createAudiences } from "../oauth/audience.ts";
import type { Services } from "../services.ts";

interface Principal {
  id: string;
  email: string;
  scopes: readonly string[] | null;
  readOnly: boolean;
  workspace: string | null;
  role: "user" | "devops" | "superadmin";
  ofJob: boolean;
  audience: string | null;
}

interface Invocation {
  operation: OperationSpec;
  params: Readonly<Record<string, string>>;
  query: Readonly<Record<string, string>>;
  bodyText: string;
  scopes: readonly string[] | null;
  confined: boolean;
  readOnly: boolean;
  signal?: AbortSignal;
}

interface AuditNote {
  workspace: string | null;
  tool: string;
  client: string;
  outcome: string;
}

function principalOf(caller: Exclude<Caller, { kind: "anonymous" }>, audience: string | null): Principal {
  if (caller.kind === "job") {
    const { email, workspace } = caller.member;
    return {
      id: `job-${caller.jobId}`,
      email,
      scopes: null,
      readOnly: false,
      workspace,
      role: "user",
      ofJob: true,
      audience: null,
    };
  }
  const { account, scopes, readOnly, tokenWorkspace: workspace, tokenHash } = caller;
  const role = account.superAdmin ? "superadmin" : account.devops ? "devops" : "user";
  return {
    id: tokenHash.toString("hex"),
    email: account.email,
    scopes,
    readOnly,
    workspace,
    role,
    ofJob: false,
    audience,
  };
}

/** The caller with the rights of one call: at most its own. */
function narrow(caller: Caller, { scopes, readOnly }: Pick<Invocation, "scopes" | "readOnly">): Caller {
  return caller.kind === "account"
    ? { ...caller, scopes, readOnly: caller.readOnly || readOnly, byCookie: false, via: "mcp" }
    : caller;
}

function requestOf({ operation: op, params, query, bodyText, signal }: Invocation): {
  request: Request;
  search: URLSearchParams;
} {
  const url = new URL("http://mcp.internal/api");
  url.pathname += op.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
  url.search = new URLSearchParams({ ...query }).toString();
  const sends = op.method !== "GET" && bodyText !== "";
  const headers = sends ? { "content-type": "application/json" } : {};
  return {
    request: new Request(url, {
      method: op.method,
      headers,
      ...(sends ? { body: bodyText } : {}),
      ...(signal ? { signal } : {}),
    }),
    search: url.searchParams,
  };
}

/** Calls an operation with the rights of one call; errors are answers. */
async function dispatch(
  { services, auth, route }: { services: Services; auth: Authentication; route: Route | undefined },
  whole: Caller,
  invocation: Invocation,
): Promise<Response> {
  const narrowed = narrow(whole, invocation);
  const caller = invocation.confined && narrowed.kind === "account" ? { ...narrowed, scopes: null } : narrowed;
  try {
    if (!route) throw new ApiError("not_built", `${invocation.operation.id} has no handler here`);
    const request = requestOf(invocation);
    return await invoke({ services, auth, route }, { ...request, params: invocation.params, caller, narrowed });
  } catch (error) {
    return errorAnswer(toApiError(error, services, "mcp"), { accept: "application/problem+json", id: "mcp" });
  }
}

/** What the server lends to the MCP face: who calls, and every operation in process, with the same checks and errors. */
export function createMcpHost({
  services,
  auth,
  routes,
}: {
  services: Services;
  auth: Authentication;
  routes: readonly Route[];
}) {
  const { db, bus, dispatcher, log, version, baseUrl, instanceKey } = services;
  const byOperation = new Map(routes.map((route) => [route.operation.id, route]));
  const callers = new WeakMap<Principal, Caller>();
  const audienceOf = createAudiences(services);
  const trail = auditTrail({ db, log });
  const callerOf = (principal: Principal): Caller => {
    const caller = callers.get(principal);
    if (!caller) throw new TypeError("the principal was not made by this host");
    return caller;
  };
  return {
    db,
    bus,
    dispatcher,
    log,
    version,
    baseUrl,
    secret: Buffer.from(hkdfSync("sha256", instanceKey, "", "towermill mcp sealed states", 32)),
    operations: routes.map((route) => route.operation),
    async authenticate(token: string): Promise<Principal | null> {
      const caller = await auth.byToken(token, false);
      if (!caller || caller.kind === "anonymous") return null;
      const audience = caller.kind === "account" ? await audienceOf(caller.tokenHash) : null;
      const principal = principalOf(caller, audience);
      callers.set(principal, caller);
      return principal;
    },
    memberOf: (principal: Principal, workspace: string): Promise<Member | null> =>
      memberIn(auth, callerOf(principal), workspace),
    async workspacesOf(principal: Principal): Promise<{ id: string; name: string }[]> {
      return (await visibleWorkspaces(db, callerOf(principal))).map(({ id, name }) => ({ id, name }));
    },
    invoke: (principal: Principal, invocation: Invocation): Promise<Response> =>
      dispatch({ services, auth, route: byOperation.get(invocation.operation.id) }, callerOf(principal), invocation),
    /** Resolves when every call so far is written down. */
    settle: () => trail.settle(),
    audit(principal: Principal, { workspace, tool, client, outcome }: AuditNote): void {
      const parameters = { client, outcome, token: principal.id.slice(0, 12) };
      const username = principal.email;
      trail.add({
        workspace: workspace ?? globalAudit,
        username,
        operation: "mcp.call",
        actionKind: "Execute",
        resource: tool,
        parameters,
      });
    },
  };
}
