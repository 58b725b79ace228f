import type { Member } from "@towermill/contract";

const job = "017e0ad5-f499-73b6-5488-92a61c5196dd";

/** The variables of every job's environment (`jobs-and-runtimes` §2.1), with examples for this member, and those that the workspace adds. */
export function contextualVariables(
  member: Member,
  baseUrl: string,
  custom: Readonly<Record<string, string>>,
): { name: string; value: string; description: string; is_custom: boolean }[] {
  const examples: [name: string, value: string, description: string][] = [
    ["WM_WORKSPACE", member.workspace, "Workspace of the job"],
    ["WM_TOKEN", "tmj_…", "Token with the rights of the job, valid while it runs"],
    ["WM_EMAIL", member.email, "Email address of whoever the job runs for"],
    ["WM_USERNAME", member.username, "User name of whoever the job runs for"],
    ["WM_BASE_URL", baseUrl, "Public address of this instance"],
    ["WM_JOB_ID", job, "Id of the job"],
    ["WM_SCHEDULED_FOR", "2026-01-01T00:00:00Z", "When the job was due, in RFC 3339"],
    ["WM_JOB_PATH", "u/user/script", "Path of the script or flow"],
    ["WM_FLOW_JOB_ID", job, "Id of the flow's job, in a step"],
    ["WM_ROOT_FLOW_JOB_ID", job, "Id of the outermost flow's job, in a step"],
    ["WM_ROOT_JOB_ID", job, "Id of the job at the root of the tree"],
    ["WM_FLOW_PATH", "u/user/flow", "Path of the flow, in a step"],
    ["WM_SCHEDULE_PATH", "u/user/schedule", "Path of the schedule that started the job"],
    ["WM_PERMISSIONED_AS", `u/${member.username}`, "Whose rights the job has"],
    ["WM_STATE_PATH", "u/user/script/user", "Path of the resource that holds the script's state"],
    ["WM_STATE_PATH_NEW", "u/user/script/user", "The same as WM_STATE_PATH"],
    ["WM_FLOW_STEP_ID", "a", "Id of the step, in a flow"],
    ["WM_OBJECT_PATH", "u_user_flow/manual/a/1767225600000_job", "Path for objects the job writes to storage"],
    ["WM_WORKER_GROUP", "default", "Group of the worker"],
    ["WM_RUNNABLE_ID", "0123456789abcdef", "Hash of the script"],
    ["WM_END_USER_EMAIL", member.email, "Who uses the app that started the job"],
  ];
  const known = new Set(examples.map(([name]) => name));
  const added = Object.entries(custom).filter(([name]) => !known.has(name));
  return [
    ...examples.map(([name, value, description]) => ({ name, value, description, is_custom: false })),
    ...added.map(([name, value]) => ({ name, value, description: "", is_custom: true })),
  ];
}
