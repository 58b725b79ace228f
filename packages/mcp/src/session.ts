import type { Member } from "@towermill/contract";
import type { Grant } from "./grant.ts";
import type { Principal } from "./host.ts";
import type { Narrowing } from "./narrowing.ts";

/** One request's view: who asks, where, and what it may see. */
export interface Session {
  principal: Principal;
  grant: Grant;
  narrowing: Narrowing;
  /** The workspace of the address or of the token; `null` when tools take it as an argument. */
  workspace: string | null;
  /** The caller in it. */
  member: Member | null;
}

/** A session whose workspace is known. */
export interface WorkspaceSession extends Session {
  workspace: string;
  member: Member;
}

export function inWorkspace(session: Session): WorkspaceSession | null {
  const { workspace, member } = session;
  return workspace === null || member === null ? null : { ...session, workspace, member };
}
