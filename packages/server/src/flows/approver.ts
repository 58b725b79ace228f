import { allowed, ApiError, type Member } from "@towermill/contract";
import type { Gate } from "./gate.ts";

/**
 * Whether somebody may answer at a gate, as far as its own conditions go; admins always may.
 * @param member `null` = nobody who is logged in, only somebody who holds a signed address
 * @throws ApiError `unauthorized` or `forbidden`
 */
export function requireApprover({ conditions, startedBy, email }: Gate, member: Member | null): void {
  const { user_auth_required, user_groups_required: groups, self_approval_disabled, areGroupsUnknown } = conditions;
  if (member?.isAdmin) return;
  const isSelf = member !== null && (member.email === email || member.username === startedBy);
  if (self_approval_disabled && isSelf) {
    throw new ApiError(
      "forbidden",
      "Self-approval is disabled for this step: whoever started the flow cannot approve it",
    );
  }
  // without a login nobody could tell whoever started it from others
  const needsLogin = user_auth_required || groups.length > 0 || areGroupsUnknown || self_approval_disabled;
  if (!needsLogin) return;
  if (member === null) throw new ApiError("unauthorized", "This step must be approved by somebody who is logged in");
  if (areGroupsUnknown) {
    throw new ApiError("forbidden", "Who may approve is only known when the flow waits for it: try again then");
  }
  if (groups.length > 0 && !groups.some((group) => member.groups.includes(group))) {
    throw new ApiError(
      "forbidden",
      `Only members of ${groups.map((group) => `g/${group}`).join(" or ")} may approve this step`,
    );
  }
}

/** Whether somebody may answer without a signed address: those who may change the flow, and whom its conditions name. */
export function mayAnswerUnasked({ path, startedBy, conditions }: Gate, member: Member): boolean {
  if (member.isAdmin) return true;
  if (conditions.user_auth_required || conditions.user_groups_required.length > 0) return true;
  return path === null || path === "" ? startedBy === member.username : allowed(member, "write", path);
}

/**
 * Whether somebody may make signed addresses, which let whoever holds them answer: those who may change the flow, and the
 * run itself, whose steps send them out.
 * @throws ApiError `forbidden`
 */
export function requireAsker(gate: Gate, member: Member): void {
  const isOwnRun = gate.startedBy === member.username || gate.email === member.email;
  if (!isOwnRun) requireFlowOwner(gate, member);
}

/** @throws ApiError `forbidden` unless the member may change the flow (or started a flow without a path) */
export function requireFlowOwner({ path, startedBy }: Gate, member: Member): void {
  const owns = path === null || path === "" ? startedBy === member.username : allowed(member, "write", path);
  if (!member.isAdmin && !owns)
    throw new ApiError("forbidden", `u/${member.username} does not own ${path ?? "this flow"}`);
}
