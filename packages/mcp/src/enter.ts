import { ToolFailure } from "./failure.ts";
import type { Host } from "./host.ts";
import { inWorkspace, type Session, type WorkspaceSession } from "./session.ts";

/**
 * The session in the workspace a call is for: the one of the address, or where that has none, the one in the arguments.
 * @throws ToolFailure when they contradict each other, or the caller is no member
 */
export async function enterWorkspace(host: Host, session: Session, named: string | null): Promise<WorkspaceSession> {
  const inside = inWorkspace(session);
  if (inside) {
    if (named === null || named === inside.workspace) return inside;
    throw new ToolFailure(
      `workspace: this address is for the workspace ${inside.workspace}, not ${named}`,
      "Leave workspace out, or use the address /api/mcp.",
    );
  }
  const hint = "list_workspaces shows those you may use.";
  if (named === null) throw new ToolFailure("workspace: is required here", hint);
  const member = await host.memberOf(session.principal, named);
  if (!member) throw new ToolFailure(`workspace: you are not a member of ${named}, or it does not exist`, hint);
  return { ...session, workspace: named, member };
}
