import { ApiError, jsonMembers, jsonObject, notFound, type Member } from "@towermill/contract";
import type { NewJob } from "@towermill/queue";
import type { FlowStarter } from "../flows/start.ts";
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
  body: {
    job_ids: string[];
    script_options_by_path: Record<string, PathOptions>;
    flow_options_by_path: Record<string, PathOptions>;
  };
}

interface Starters {
  starter: Starter;
  flowStarter: FlowStarter;
}

/** Old arguments with the ones that are given anew as static values. @throws ApiError for expressions */
function newArguments(job: JobDetails, transforms: Record<string, Transform>): string {
  const members = job.args === null ? new Map<string, string>() : jsonMembers(job.args);
  for (const [name, transform] of Object.entries(transforms)) {
    if (transform.type !== "static") {
      throw new ApiError("bad_request", `the new value of ${name} is an expression; only static values can be set`);
    }
    members.set(name, JSON.stringify(transform.value ?? null));
  }
  return jsonObject(members);
}

/** The same run once more, as a job of its own. @throws ApiError */
async function againOf(
  { starter, flowStarter }: Starters,
  { caller, member, body }: Rerun,
  job: JobDetails,
): Promise<NewJob> {
  const who = { caller, member };
  const { script_path: path, script_hash: hash } = job;
  const isFlow = job.kind === "flow" && job.flow_step_id === null;
  if (path === null || (!isFlow && job.kind !== "script")) {
    throw new ApiError(
      "bad_request",
      `job ${job.id} is of the kind ${job.kind}: only runs of deployed scripts and flows can be run again`,
    );
  }
  const options = (isFlow ? body.flow_options_by_path : body.script_options_by_path)[path] ?? {};
  const sent = { args: newArguments(job, options.input_transforms ?? {}) };
  const byPath = options.use_latest_version === true || hash === null;
  if (isFlow) {
    return flowStarter.deployed(who, byPath ? { path } : { version: Number(hash) }, { sent, options: {} });
  }
  return starter.script(who, byPath ? { path } : { hash }, { sent, options: {} });
}

async function rerunOne(
  services: Services,
  starters: Starters,
  { id, ...rerun }: Rerun & { id: string },
): Promise<string> {
  const { caller, member } = rerun;
  await requireJob(services, { caller, member }, { workspace: member.workspace, id, action: "read" });
  const job = await findJobDetails(services.db, member.workspace, id);
  if (!job) throw notFound("Job", id);
  const again = await againOf(starters, rerun, job);
  await starters.starter.start(again);
  return again.id;
}

/** Runs jobs again one after the other: a line with the new id for each, or `Error: …`. */
export function rerunJobs(services: Services, starters: Starters, rerun: Rerun): Response {
  const left = rerun.body.job_ids.values();
  const encoder = new TextEncoder();
  const lines = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value: id, done } = left.next();
      if (done) return controller.close();
      try {
        controller.enqueue(encoder.encode(`${await rerunOne(services, starters, { ...rerun, id })}\n`));
      } catch (error) {
        const expected = error instanceof ApiError;
        if (!expected) services.log.error({ err: error, job: id }, "a job could not be run again");
        controller.enqueue(encoder.encode(`Error: ${expected ? error.message : `job ${id} could not be run again`}\n`));
      }
    },
  });
  return new Response(lines, { status: 201, headers: { "content-type": "text/event-stream" } });
}
