import {
  ApiError,
  scopesAllow,
  scopesReach,
  scopeText,
  triggerKinds,
  type Member,
  type OperationSpec,
  type RequiredScope,
} from "@towermill/contract";
import { superAdminMember } from "@towermill/runnable";
import type { Authentication } from "../identity/authentication.ts";
import type { Caller } from "../identity/caller.ts";

const safeMethods = new Set(["GET", "HEAD", "OPTIONS"]);

/** The caller as a member of a workspace; `null` when they are none, or the token is for another workspace. */
export async function memberIn(auth: Authentication, caller: Caller, workspace: string): Promise<Member | null> {
  if (caller.kind === "anonymous") return null;
  if (caller.kind === "job") return caller.member.workspace === workspace ? caller.member : null;
  if (caller.tokenWorkspace !== null && caller.tokenWorkspace !== workspace) return null;
  const member = await auth.memberOf(caller.account.email, workspace);
  if (!caller.account.superAdmin) return member;
  if (member) return { ...member, isAdmin: true, isOperator: false };
  return (await auth.workspaceExists(workspace)) ? superAdminMember(caller.account, workspace) : null;
}

/** The scope a call needs: the operation's, with the workspace path it touches. */
export function requiredScope(op: OperationSpec, params: Record<string, unknown>): RequiredScope | null {
  const { scope } = op;
  if (!scope) return null;
  const path = typeof params["path"] === "string" ? params["path"] : undefined;
  return { domain: scope.domain, action: scope.action, kind: scope.kind, path };
}

/** @throws ApiError `missing_scope` */
export function requireScope(caller: Caller, required: RequiredScope): void {
  if (caller.kind === "account" && !scopesAllow(caller.scopes, required)) {
    throw new ApiError("missing_scope", `Access denied. Required scope: ${scopeText(required)}`);
  }
}

function requireScopeOf(op: OperationSpec, caller: Caller, params: Record<string, unknown>): void {
  const required = requiredScope(op, params);
  if (!required) return;
  if (op.narrows && caller.kind === "account" && scopesReach(caller.scopes, required)) return;
  requireScope(caller, required);
}

function requireToken(op: OperationSpec, caller: Caller): void {
  if (caller.kind === "anonymous") throw new ApiError("unauthorized", "Unauthorized");
  if (caller.kind === "job" && op.deniesJobTokens) {
    throw new ApiError("forbidden", `${op.id}: the token of a job cannot be used for this`);
  }
  const changes = (!safeMethods.has(op.method) && !op.readsOnly) || op.scope?.action === "run";
  if (caller.kind === "account" && caller.readOnly && changes) {
    throw new ApiError("forbidden", `${op.id}: this token is read-only`);
  }
}

function requireInstanceRole(op: OperationSpec, caller: Caller): void {
  if (op.access !== "superadmin" && op.access !== "devops") return;
  const account = caller.kind === "account" && caller.tokenWorkspace === null ? caller.account : null;
  const enough = account && (account.superAdmin || (op.access === "devops" && account.devops));
  if (!enough)
    throw new ApiError("forbidden", `${op.id}: requires ${op.access === "devops" ? "devops or " : ""}super admin`);
}

function requireRole(op: OperationSpec, member: Member): void {
  const denied =
    (op.access === "admin" && !member.isAdmin) ||
    ((op.access === "developer" || op.runsCallerCode) && member.isOperator && !member.isAdmin);
  if (denied) {
    throw new ApiError(
      "forbidden",
      `${op.id}: requires the role ${op.access === "admin" ? "admin" : "developer"} in ${member.workspace}`,
    );
  }
}

/** The operators' setting that an operation falls under, by the domain of its scope. */
const operatorSettings: Readonly<Record<string, string>> = {
  schedules: "schedules",
  resources: "resources",
  variables: "variables",
  audit: "audit_logs",
  groups: "groups",
  folders: "folders",
  workers: "workers",
  native_triggers: "triggers",
  ...Object.fromEntries(triggerKinds.map((kind) => [`${kind}_triggers`, "triggers"])),
};

/** Runs are told apart: an operator who sees no lists of them still follows the one that they started. */
function operatorSettingOf({ scope, path }: OperationSpec): string | undefined {
  if (scope?.domain === "jobs") return /\/list|_list|count/.test(path) ? "runs" : undefined;
  return scope && operatorSettings[scope.domain];
}

/** What a workspace hides from its operators is closed to them; the jobs that they start read what they need. */
async function requireShown(
  auth: Authentication,
  { op, caller, member }: { op: OperationSpec; caller: Caller; member: Member },
) {
  const setting = operatorSettingOf(op);
  if (!member.isOperator || member.isAdmin || caller.kind === "job" || setting === undefined) return;
  if ((await auth.operatorSettings(member.workspace))[setting] === false)
    throw new ApiError("forbidden", `${op.id}: ${setting} are not shown to operators of ${member.workspace}`);
}

/**
 * Decides from the matched operation, never from the URL's text, whether the caller may make this call at all.
 * @returns the caller as member of the path's workspace, if the path has one
 * @throws ApiError 401 without a token, 403 otherwise; a workspace one is not in is refused as 403 whether it exists or not
 */
export async function requireAccess(
  auth: Authentication,
  { op, caller, params }: { op: OperationSpec; caller: Caller; params: Record<string, unknown> },
): Promise<Member | null> {
  const workspace = typeof params["workspace"] === "string" ? params["workspace"] : null;
  if (op.access === "public") return workspace === null ? null : memberIn(auth, caller, workspace);
  requireToken(op, caller);
  requireInstanceRole(op, caller);
  requireScopeOf(op, caller, params);
  if (workspace === null || !op.path.startsWith("/w/{workspace}/")) return null;
  const member = await memberIn(auth, caller, workspace);
  if (!member) throw new ApiError("forbidden", `Not a member of workspace ${workspace}, or it does not exist`);
  requireRole(op, member);
  await requireShown(auth, { op, caller, member });
  return member;
}
