import type { jobUpdatesOperations } from "@towermill/contract";
import { ApiError, notFound } from "@towermill/contract";
import { readLive, setProgress } from "@towermill/queue";
import type { Call, Handlers } from "../http/call.ts";
import { isFlowKind, type FlowView } from "../flows/view.ts";
import type { JobEvents } from "../jobs/events.ts";
import { requireJob } from "../jobs/job-access.ts";
import type { JobRow } from "../jobs/job-row.ts";
import { streamUpdates } from "../jobs/stream.ts";
import { readUpdate } from "../jobs/updates.ts";
import type { Services } from "../services.ts";

type Operation = (typeof jobUpdatesOperations)[number];

/** What happens to jobs while they run. */
export function jobUpdatesHandlers(
  services: Services,
  { jobEvents, view }: { jobEvents: JobEvents; view: FlowView },
): Handlers<typeof jobUpdatesOperations> {
  const { db, bus } = services;
  const reachable = (call: Call<Operation>, action: "read" | "write"): Promise<JobRow> =>
    requireJob(services, call, { workspace: call.params.workspace, id: call.params.id, action });
  return {
    async getJobUpdates(call) {
      const { kind } = await reachable(call, "read");
      const { log_offset: log = 0, stream_offset: stream = 0, no_logs, get_progress } = call.query;
      const options = { logs: !no_logs, progress: get_progress ?? false };
      const update = await readUpdate(db, call.params.id, { offsets: { log, stream }, options });
      if (!update) throw notFound("Job", call.params.id);
      const status = isFlowKind(kind) ? await view.status(call.params.id) : null;
      return status === null ? { ...update } : { ...update, flow_status: status };
    },
    async getJobUpdatesSse(call) {
      const { kind } = await reachable(call, "read");
      const { log_offset: log = 0, stream_offset: stream = 0, no_logs, get_progress, only_result, fast } = call.query;
      const options = {
        workspace: call.params.workspace,
        id: call.params.id,
        offsets: { log, stream },
        logs: !no_logs,
        progress: get_progress ?? false,
        onlyResult: only_result ?? false,
        fast: fast ?? false,
        limitMs: services.streamLimitMs,
        ...(isFlowKind(kind) ? { flowView: view } : {}),
      };
      return streamUpdates({ db, jobEvents }, options, call.signal);
    },
    async setJobProgress(call) {
      const row = await reachable(call, "write");
      const { percent } = call.body;
      if (percent === undefined) throw new ApiError("bad_request", "body.percent: is required");
      await setProgress(db, row.id, percent);
      bus.publish("live", [row.id]);
      return null;
    },
    async getJobProgress(call) {
      const row = await reachable(call, "read");
      if (row.status !== null) return 100;
      return (await readLive(db, row.id))?.progress ?? null;
    },
    async getJobMetrics(call) {
      const row = await reachable(call, "read");
      const peak = row.mem_peak_kb ?? (await readLive(db, row.id))?.memPeakKb ?? null;
      return {
        metrics_metadata: peak === null ? [] : [{ id: "memory_kb", name: "Memory peak (kB)" }],
        scalar_metrics: peak === null ? [] : [{ metric_id: "memory_kb", value: peak }],
        timeseries_metrics: [],
      };
    },
  };
}
