import { explain } from "../explain.ts";
import type { Parts } from "../protocol/server.ts";
import { inWorkspace } from "../session.ts";
import type { Inquiry } from "./address.ts";
import type { Entry } from "./entry.ts";
import { fault } from "./refusal.ts";

interface Asked {
  address: Inquiry;
  entry: Entry;
  request: Request;
}

/** Questions about the catalogue: every endpoint tool, as scope pickers show them, and why a tool is listed or not. */
export async function inquire(parts: Parts, { address, entry, request }: Asked): Promise<Response> {
  const session = inWorkspace(entry.session);
  if (!session) return fault(403, `Not a member of workspace ${address.workspace}`);
  if (address.kind === "list_tools") {
    const tools = [...parts.toolbox.endpoints.values()];
    return Response.json(
      tools.map(({ toolset, operation: { method, path }, shown }) => ({ ...shown.bound, toolset, method, path })),
    );
  }
  const tool = new URL(request.url).searchParams.get("tool");
  if (!tool) return fault(400, "tool: is required: a tool name, or the path of a script or flow");
  return Response.json(await explain({ ...parts, session }, tool));
}
