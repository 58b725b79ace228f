import type { Instance } from "./instance.ts";

export interface Deployed {
  path: string;
  language: string;
  content: string;
  /** Default `admins`. */
  workspace?: string;
  [field: string]: unknown;
}

/** Deploys a version of a script and waits until its lock is there; answers its hash. */
export async function deployScript(instance: Instance, { workspace = "admins", ...script }: Deployed): Promise<string> {
  const hash = await instance.text("POST", `/w/${workspace}/scripts/create`, {
    body: { summary: "", description: "", ...script },
  });
  for (;;) {
    const status = await instance.json<{ lock?: string | null; lock_error_logs?: string }>(
      "GET",
      `/w/${workspace}/scripts/deployment_status/h/${hash}`,
    );
    if (status.lock_error_logs) throw new Error(`${script.path} was not deployed: ${status.lock_error_logs}`);
    if (typeof status.lock === "string") return hash;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Runs a deployed script and answers its result; throws when the job fails. */
export function runScript<T>(
  instance: Instance,
  { path, args = {}, workspace = "admins" }: { path: string; args?: unknown; workspace?: string },
): Promise<T> {
  return instance.json<T>("POST", `/w/${workspace}/jobs/run_wait_result/p/${path}`, { body: args });
}

/** Runs code without deploying it and answers its result; throws when the job fails. */
export function runPreview<T>(
  instance: Instance,
  { workspace = "admins", ...preview }: { language: string; content: string; args?: unknown; workspace?: string },
): Promise<T> {
  return instance.json<T>("POST", `/w/${workspace}/jobs/run_wait_result/preview`, { body: { args: {}, ...preview } });
}
