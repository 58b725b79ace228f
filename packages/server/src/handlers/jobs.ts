import { notFound, type jobsOperations } from "@towermill/contract";
import { readLog } from "@towermill/queue";
import { jsonText } from "../http/answer.ts";
import type { Call, Handlers } from "../http/call.ts";
import { requireJob } from "../jobs/job-access.ts";
import { detailExtras, findJobDetails, jobJson, type JobRow } from "../jobs/job-row.ts";
import { rootOf } from "../jobs/root.ts";
import { waitingReason } from "../jobs/waiting.ts";
import type { FlowView } from "../flows/view.ts";
import type { Services } from "../services.ts";
import { jobListsHandlers } from "./job-lists.ts";
import { jobRecordsHandlers } from "./job-records.ts";

type Operation = (typeof jobsOperations)[number];
type OneJob = Extract<
  Operation,
  { id: "getJob" | "getRootJobId" | "getJobArgs" | "getJobLogs" | "getCompletedJobLogsTail" }
>;

/** How much of the end of a log the tail shows, in UTF-16 units. */
const tailLength = 65_536;

/** Jobs whatever their state: one by one, in lists, and what is kept of them. */
export function jobsHandlers(services: Services, { view }: { view: FlowView }): Handlers<typeof jobsOperations> {
  const { db } = services;
  const requireReadable = (call: Call<OneJob>): Promise<JobRow> =>
    requireJob(services, call, { workspace: call.params.workspace, id: call.params.id, action: "read" });
  return {
    ...jobListsHandlers(services),
    ...jobRecordsHandlers(services),
    async getJob(call) {
      const { id, workspace } = call.params;
      const row = await requireReadable(call);
      const details = await findJobDetails(db, workspace, id);
      if (!details) throw notFound("Job", id);
      const logs = call.query.no_logs ? null : await readLog(db, id);
      const reason = await waitingReason(db, row);
      const code = !call.query.no_code;
      const extras = { ...detailExtras(details, { code, logs }), ...(await view.extras(details, { code })) };
      return jsonText(
        jobJson(details, reason === null ? extras : { ...extras, waiting_reason: JSON.stringify(reason) }),
      );
    },
    async getRootJobId(call) {
      return rootOf(db, await requireReadable(call));
    },
    async getJobArgs(call) {
      await requireReadable(call);
      const details = await findJobDetails(db, call.params.workspace, call.params.id);
      return jsonText(details?.args ?? "{}");
    },
    async getJobLogs(call) {
      await requireReadable(call);
      const { offset = 0 } = call.query as { offset?: number };
      return (await readLog(db, call.params.id)).slice(offset);
    },
    async getCompletedJobLogsTail(call) {
      await requireReadable(call);
      return (await readLog(db, call.params.id)).slice(-tailLength);
    },
    async getLogFileFromStore(call) {
      throw notFound("Log file", call.params.path);
    },
  };
}
