import type { Member } from "@towermill/contract";
import { newJobId, pushJob } from "@towermill/queue";
import { permissionedAsOf } from "@towermill/runnable";
import type { Queryable } from "@towermill/store";
import { needsLock } from "../scripts/inference.ts";
import { stepsOf } from "./steps.ts";

/** Whether a flow has inline code whose dependencies are not resolved. */
export function hasUnlockedCode(value: unknown): boolean {
  for (const { value: step } of stepsOf(value)) {
    const { type, language, lock } = step;
    if (type === "rawscript" && (lock === undefined || lock === null) && needsLock(String(language))) return true;
  }
  return false;
}

/** Pushes the job that writes the locks of a version's inline scripts, in the deployment's transaction; one at a time per path. */
export async function pushFlowDependencyJob(
  tx: Queryable,
  { member, path, version }: { member: Member; path: string; version: number },
): Promise<string> {
  const id = newJobId();
  await pushJob(tx, {
    id,
    workspace: member.workspace,
    kind: "flowdependencies",
    createdBy: member.username,
    permissionedAs: permissionedAsOf(member),
    member,
    tag: "dependency",
    args: null,
    path,
    hash: String(version),
    concurrency: { key: `dependency:flow:${member.workspace}/${path}`, limit: 1, windowSeconds: 0 },
  });
  return id;
}
