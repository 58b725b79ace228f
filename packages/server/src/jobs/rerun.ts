import { ApiError, jsonMembers, jsonObject, type Member } from "@towermill/contract";
import type { Caller } from "../identity/caller.ts";
import type { Services } from "../services.ts";
import { requireJob } from "./job-access.ts";
import { findJobDetails, type JobDetails } from "./job-row.ts";
import type { Starter } from "./start.ts";

interface Transform {
  type: string;
  value?: unknown;
}

interface PathOptions {
  input_transforms?: Record<string, Transform> | undefined;
  use_latest_version?: boolean | undefined;
}

interface Rerun {
  caller: Caller;
  member: Member;
  body: { job_ids: string[]; script_options_by_path: Record<string, PathOptions> };
}

/** Old arguments with the ones that are given anew as static values. @throws ApiError for expressions */
function newArguments(job: JobDetails, transforms: Record<string, Transform>): string {
  const members = job.args === null ? new Map<string, string>() : jsonMembers(job.args);
  for (const [name, transform] of Object.entries(transforms)) {
    if (transform.type !== "static") {
      throw new ApiError(
        "bad_request",
        `the new value of ${name} is an expression; only static values can be set for scripts`,
      );
    }
    members.set(name, JSON.stringify(transform.value ?? null));
  }
  return jsonObject(members);
}

async function rerunOne(
  services: Services,
  starter: Starter,
  { id, caller, member, body }: Rerun & { id: string },
): Promise<string> {
  const who = { caller, member };
  await requireJob(services, who, { workspace: member.workspace, id, action: "read" });
  const job = await findJobDetails(services.db, member.workspace, id);
  if (!job?.script_path || job.kind !== "script") {
    throw new ApiError(
      "bad_request",
      `job ${id} is of the kind ${job?.kind ?? "unknown"}: only runs of deployed scripts can be run again`,
    );
  }
  const options = body.script_options_by_path[job.script_path] ?? {};
  const target =
    options.use_latest_version || job.script_hash === null ? { path: job.script_path } : { hash: job.script_hash };
  const args = newArguments(job, options.input_transforms ?? {});
  const again = await starter.script(who, target, { sent: { args }, options: {} });
  await starter.start(again);
  return again.id;
}

/** Runs jobs again one after the other: a line with the new id for each, or `Error: …`. */
export function rerunJobs(services: Services, starter: Starter, rerun: Rerun): Response {
  const left = rerun.body.job_ids.values();
  const encoder = new TextEncoder();
  const lines = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value: id, done } = left.next();
      if (done) return controller.close();
      try {
        controller.enqueue(encoder.encode(`${await rerunOne(services, starter, { ...rerun, id })}\n`));
      } catch (error) {
        const expected = error instanceof ApiError;
        if (!expected) services.log.error({ err: error, job: id }, "a job could not be run again");
        controller.enqueue(encoder.encode(`Error: ${expected ? error.message : `job ${id} could not be run again`}\n`));
      }
    },
  });
  return new Response(lines, { status: 201, headers: { "content-type": "text/event-stream" } });
}
