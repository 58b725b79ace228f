import type { Language } from "@towermill/contract";
import { newJobId, pushJob } from "@towermill/queue";
import type { PushDependencyJob } from "./deploy.ts";

/** Pushes the job that resolves a deployed version's lock, in the deployment's transaction; one at a time per path. */
export const pushDependencyJob: PushDependencyJob = async (tx, script) => {
  const id = newJobId();
  const { workspace, username } = script.member;
  await pushJob(tx, {
    id,
    workspace,
    kind: "dependencies",
    createdBy: username,
    permissionedAs: `u/${username}`,
    member: script.member,
    tag: "dependency",
    args: null,
    path: script.path,
    hash: script.hash,
    language: script.language as Language,
    concurrency: { key: `dependency:${workspace}/${script.path}`, limit: 1, windowSeconds: 0 },
  });
  return id;
};
