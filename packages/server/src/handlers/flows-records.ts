import { notFound, type flowsRecordsOperations } from "@towermill/contract";
import { readEvents } from "@towermill/flow-driver";
import { sql } from "@towermill/store";
import { jsonText } from "../http/answer.ts";
import type { Call, Handlers } from "../http/call.ts";
import { composeJson, jsonList, requireSearchable } from "../http/verbatim.ts";
import { flowRecords, logsOf, mostText, resultsOf, type FlowRecord } from "../flows/records.ts";
import { requireJob } from "../jobs/job-access.ts";
import { findJobDetails, detailExtras, isSuccess, jobJson, type JobRow } from "../jobs/job-row.ts";
import type { Services } from "../services.ts";

type Operation = (typeof flowsRecordsOperations)[number];

/** Characters of one job's log in the log of a whole flow. */
const longestLog = 1_000_000;
/** Jobs told in full for a look into a flow. */
const mostDebugged = 500;

function statusOf({ job }: FlowRecord) {
  if (job.status !== null) return job.status;
  if (job.suspended) return "suspended";
  return job.running ? "running" : "queued";
}

/** `b[12]/c` and everything inside it; the address of a step that has iterations means all of them. */
function within(address: string | null, wanted: string): boolean {
  if (address === null || !address.startsWith(wanted)) return false;
  return ["", "/", "["].includes(address.slice(wanted.length, wanted.length + 1));
}

/** What flows leave behind: logs and results of all steps, events, values kept for the time of a run. */
export function flowsRecordsHandlers(services: Services): Handlers<typeof flowsRecordsOperations> {
  const { db } = services;
  const requireReadable = (call: Call<Operation>, action: "read" | "write" = "read"): Promise<JobRow> =>
    requireJob(services, call, { workspace: call.params.workspace, id: call.params.id, action });
  const withLogs = async (call: Call<Operation>): Promise<(FlowRecord & { logs: string })[]> => {
    await requireReadable(call);
    const { records } = await flowRecords(db, call.params.id);
    const ids = records.map(({ job }) => job.id);
    const logs = await logsOf(db, ids, longestLog);
    return records.map((record) => ({ ...record, logs: logs.get(record.job.id) ?? "" }));
  };
  return {
    async getFlowAllLogs(call) {
      const records = await withLogs(call);
      return records
        .map(({ place, logs }) => `====== ${place.step_path ?? place.label} (${place.job_id}) ======\n${logs}`)
        .join("\n");
    },
    async getFlowAllLogsStructured(call) {
      return (await withLogs(call)).map(({ place, logs }) => ({ ...place, logs }));
    },
    async getFlowAllResults(call) {
      await requireReadable(call);
      const { step, max_result_len: limit = 1000 } = call.query;
      const { records, truncated } = await flowRecords(db, call.params.id);
      const shown = step ? records.filter(({ address }) => within(address, step)) : records;
      const ids = shown.map(({ job }) => job.id);
      const results = await resultsOf(db, ids, Math.min(limit, Math.floor(mostText / Math.max(1, ids.length))));
      return {
        enclosing_job: call.params.id,
        entries: shown.map((record) => {
          const { job, place } = record;
          const result = results.get(job.id);
          return {
            ...place,
            status: statusOf(record),
            ...(job.status === null ? {} : { success: isSuccess(job.status) }),
            ...(job.duration_ms === null ? {} : { duration_ms: job.duration_ms }),
            ...(job.started_at === null ? {} : { started_at: job.started_at.toISOString() }),
            ...(result ? { result_prefix: result.prefix, result_length: result.length } : {}),
          };
        }),
        ...(truncated ? { truncated } : {}),
        ...(step ? { scope_filtered: true } : {}),
        ...(step && shown.length === 0 ? { step_error: `No job of this run is at ${step}` } : {}),
      };
    },
    async getFlowDebugInfo(call) {
      const { workspace, id } = call.params;
      await requireReadable(call);
      const { records } = await flowRecords(db, id);
      const found: Record<string, string> = {};
      let size = 0;
      for (const { job, address } of records.slice(0, mostDebugged)) {
        const details = await findJobDetails(db, workspace, job.id);
        if (!details) continue;
        const told = jobJson(details, detailExtras(details, { code: false, logs: null }));
        if ((size += told.length) > mostText) break;
        found[`${address ?? "flow"}${job.attempt > 0 ? `#${job.attempt}` : ""}`] = told;
      }
      return jsonText(composeJson({}, found));
    },
    async getFlowEvents(call) {
      await requireReadable(call);
      const { after = 0, per_page: limit = 1000 } = call.query;
      const events = await readEvents(db, call.params.id, { after, limit });
      return jsonList(
        events.map(({ revision, at, step, iteration, attempt, what, detail }) =>
          composeJson({ revision, at, step, iteration, attempt, what }, { detail }),
        ),
      );
    },
    async setFlowUserState(call) {
      const { id } = await requireReadable(call, "write");
      const { key } = call.params;
      requireSearchable([key, call.body], "body");
      const text = call.bodyText.trim() === "" ? "null" : call.bodyText;
      const row = await db.maybe(sql`
        update job_flow set user_states = coalesce(user_states, '{}') || jsonb_build_object(${key}::text, ${text}::jsonb)
        where id = ${id} returning id`);
      if (!row) throw notFound("Running flow", id);
      return `set state ${key} of flow ${id}`;
    },
    async getFlowUserState(call) {
      const { id } = await requireReadable(call);
      const row = await db.maybe<{ value: string | null }>(
        sql`select (user_states -> ${call.params.key})::text as value from job_flow where id = ${id}`,
      );
      return jsonText(row?.value ?? "null");
    },
  };
}
