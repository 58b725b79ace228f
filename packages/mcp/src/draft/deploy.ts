import { jsonObject } from "@towermill/contract";
import type { CallContext } from "../call.ts";
import type { Host } from "../host.ts";
import { waitForJob } from "../job/wait.ts";
import type { ToolResult } from "../result.ts";
import type { WorkspaceSession } from "../session.ts";
import { ask, fieldsOf, operationsOf, requireDraft, type Item, type Members } from "./item.ts";

/** What tells versions of a kind apart, as a deployed item carries it. */
function versionOf(kind: Item["kind"], members: Members | null): string | undefined {
  const name = { script: "hash", flow: "version_id", app: "versions" }[kind];
  return members?.get(name);
}

/** Whether somebody has deployed since the draft was made. */
export function isOvertaken({ kind, deployed, draft }: Item): boolean {
  const base = versionOf(kind, draft?.members ?? null);
  return base !== undefined && deployed !== null && base !== versionOf(kind, deployed);
}

/** Deploys a draft; that drops it, too. @returns what the deployment answered: a hash or a path */
export async function deployDraft(
  host: Host,
  session: WorkspaceSession,
  { item, message }: { item: Item; message: string | null },
): Promise<string> {
  const { kind, path, deployed } = item;
  const { members } = requireDraft(item);
  // a schema that was made from other code would be wrong; scripts get theirs from the code
  const taken = fieldsOf(host, kind).filter((name) => members.has(name) && !(kind === "script" && name === "schema"));
  const body: [string, string][] = [
    ...taken.map((name): [string, string] => [name, members.get(name) ?? "null"]),
    ["path", JSON.stringify(path)],
    ...(message === null ? [] : [["deployment_message", JSON.stringify(message)] as [string, string]]),
    ...(kind === "script" && deployed ? [["auto_parent", "true"] as [string, string]] : []),
  ];
  const isNew = deployed === null || kind === "script";
  const name = isNew ? operationsOf[kind].create : operationsOf[kind].update;
  return ask(host, session, {
    name,
    args: isNew ? { body: { path } } : { path, body: { path } },
    bodyText: jsonObject(body),
  });
}

const statusOf: Partial<Record<Item["kind"], { operation: string; domain: string }>> = {
  script: { operation: "getScriptDeploymentStatus", domain: "scripts" },
  flow: { operation: "getFlowDeploymentStatus", domain: "flows" },
};

export interface Deployed {
  item: Item;
  /** What the deployment answered. */
  answer: string;
  context: CallContext;
}

/**
 * Waits a bounded time until a deployment's dependencies are resolved: until then the version before it runs.
 * @returns the failure or the wait that goes on, `null` when it is ready
 */
export async function waitUntilReady(
  host: Host,
  session: WorkspaceSession,
  { item, answer, context }: Deployed,
): Promise<ToolResult | null> {
  const status = statusOf[item.kind];
  const operation = host.operations.find((op) => op.id === status?.operation);
  if (!status || !operation) return null;
  const { principal } = session;
  const response = await host.invoke(principal, {
    operation,
    params: { workspace: session.workspace, path: item.path, hash: answer },
    query: {},
    bodyText: "",
    scopes: principal.scopes === null ? null : [`${status.domain}:read`],
    confined: false,
    readOnly: principal.readOnly,
  });
  const { job_id: id } = response.ok ? ((await response.json()) as { job_id?: string }) : {};
  if (id === undefined) return null;
  const waited = await waitForJob(host, session, { id, context });
  return waited.isError === true || waited.structuredContent?.["status"] !== "success" ? waited : null;
}
