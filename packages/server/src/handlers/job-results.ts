import { notFound, type jobResultsOperations } from "@towermill/contract";
import { readResultOfStep, type DeployedFlows } from "@towermill/flow-driver";
import { readLog } from "@towermill/queue";
import { hasStep } from "../flows/value.ts";
import type { FlowView } from "../flows/view.ts";
import { jsonText } from "../http/answer.ts";
import type { Call, Handlers } from "../http/call.ts";
import { composeJson } from "../http/verbatim.ts";
import { jsonPart } from "../jobs/json-part.ts";
import { requireJob } from "../jobs/job-access.ts";
import { detailExtras, findJobDetails, isSuccess, jobJson, type JobDetails, type JobRow } from "../jobs/job-row.ts";
import type { Services } from "../services.ts";

type Operation = (typeof jobResultsOperations)[number];
type OneJob = Exclude<Operation, { id: "resultById" }>;

/** What came of jobs. */
export function jobResultsHandlers(
  services: Services,
  { flows, view }: { flows: DeployedFlows; view: FlowView },
): Handlers<typeof jobResultsOperations> {
  const { db } = services;
  const readable = (call: Call<OneJob>): Promise<JobRow> =>
    requireJob(services, call, { workspace: call.params.workspace, id: call.params.id, action: "read" });
  /** An ended job with its result. @throws ApiError `not_found` while it has not ended */
  const ended = async (call: Call<OneJob>): Promise<JobDetails> => {
    const { workspace, id } = call.params;
    const row = await readable(call);
    const details = row.status === null ? undefined : await findJobDetails(db, workspace, id);
    if (!details) throw notFound("Completed job", id);
    return details;
  };
  return {
    async getCompletedJob(call) {
      const row = await ended(call);
      const logs = await readLog(db, row.id);
      return jsonText(
        jobJson(row, { ...detailExtras(row, { code: true, logs }), ...(await view.extras(row, { code: true })) }),
      );
    },
    async getCompletedJobResult(call) {
      const { result } = await ended(call);
      const path = call.query.path ?? call.query.json_path ?? "";
      return jsonText(jsonPart(result ?? "null", path));
    },
    async getCompletedJobResultMaybe(call) {
      const row = await readable(call);
      if (row.status === null) {
        // The Python SDK reads every key of every answer.
        return jsonText(
          composeJson({ completed: false, started: row.running === true }, { success: "null", result: "null" }),
        );
      }
      const details = await findJobDetails(db, call.params.workspace, row.id);
      return jsonText(
        composeJson(
          { completed: true, success: isSuccess(row.status), started: true },
          { result: details?.result ?? "null" },
        ),
      );
    },
    async getCompletedJobTiming(call) {
      const row = await readable(call);
      return {
        created_at: row.created_at.toISOString(),
        ...(row.started_at ? { started_at: row.started_at.toISOString() } : {}),
        ...(row.duration_ms === null ? {} : { duration_ms: row.duration_ms }),
      };
    },
    async resultById(call) {
      const { workspace, flow_job_id: id, node_id: step } = call.params;
      await requireJob(services, call, { workspace, id, action: "read" });
      const result = (await hasStep(db, id, step)) ? await readResultOfStep({ db, deployed: flows }, id, step) : null;
      if (result === null) throw notFound("Step", `${step} of job ${id}`);
      return jsonText(jsonPart(result, call.query.json_path ?? ""));
    },
  };
}
