import { jsonMembers, jsonObject } from "@towermill/contract";
import type { Host } from "../host.ts";
import type { Session } from "../session.ts";
import { scopesFor } from "../verdict.ts";
import type { EndpointRequest } from "./arguments.ts";
import type { EndpointTool } from "./tool.ts";

/**
 * The body of an update that names only what changes: what it leaves out is read from the item and sent along, exactly as
 * it was stored. An item that cannot be read is left to the update itself to refuse.
 */
export async function completedBody(
  host: Host,
  session: Session,
  { tool, request }: { tool: EndpointTool; request: EndpointRequest },
): Promise<string> {
  const given = request.body ?? {};
  const { completion } = tool.presentation;
  const missing = completion?.fields.filter((field) => given[field] === undefined) ?? [];
  const operation = host.operations.find((op) => op.id === completion?.from);
  if (missing.length === 0 || !operation || session.workspace === null) return JSON.stringify(given);
  const response = await host.invoke(session.principal, {
    operation,
    params: { ...request.params, workspace: session.workspace },
    query: {},
    bodyText: "",
    ...scopesFor(session, operation),
    readOnly: session.principal.readOnly,
  });
  if (!response.ok) return JSON.stringify(given);
  const stored = jsonMembers(await response.text());
  const kept = missing.flatMap((field): [string, string][] => {
    const text = stored.get(field);
    return text === undefined ? [] : [[field, text]];
  });
  const named = Object.entries(given).map(([name, value]): [string, string] => [name, JSON.stringify(value ?? null)]);
  return jsonObject([...named, ...kept]);
}
