import { jsonObject } from "@towermill/contract";
import type { Host } from "../host.ts";
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
