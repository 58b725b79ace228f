import { ApiError, type jobQueueOperations } from "@towermill/contract";
import { sql } from "@towermill/store";
import type { Call, Handlers } from "../http/call.ts";
import { audit } from "../identity/audit.ts";
import { cancel, topOfFlow } from "../jobs/cancel.ts";
import { nameOf, requireJob, visibleJobs } from "../jobs/job-access.ts";
import { workspaceCondition } from "../jobs/list.ts";
import type { Services } from "../services.ts";

type Operation = (typeof jobQueueOperations)[number];
type CancelOne = Extract<Operation, { id: "cancelQueuedJob" | "forceCancelQueuedJob" }>;

const defaultReason = "unexplicited reasons";

/** Jobs that wait or run: cancelling them, moving them forward, where they stand. */
export function jobQueueHandlers(services: Services): Handlers<typeof jobQueueOperations> {
  const { db, dispatcher } = services;
  const cancelOne = async (call: Call<CancelOne>, force: boolean): Promise<string> => {
    const { workspace, id } = call.params;
    const row = await requireJob(services, call, { workspace, id, action: "write" });
    const alreadyEnded = new ApiError("bad_request", `Job ${id} has already ended`);
    if (row.status !== null) throw alreadyEnded;
    const reason = call.body?.reason || defaultReason;
    const target = force ? await topOfFlow(services, id) : id;
    const { ended, stopping } = await cancel(services, { workspace, ids: [target], by: nameOf(call), reason, force });
    if (ended.length + stopping.length === 0) throw alreadyEnded;
    return id;
  };
  const visibleIds = async (
    call: Call<Extract<Operation, { id: "cancelSelection" }>>,
  ): Promise<{ id: string; workspace_id: string }[]> =>
    db.query(sql`select j.id, j.workspace_id from job_queue q join job j on j.id = q.id
      where q.id = any(${call.body}::uuid[]) and ${workspaceCondition(call, call.query.all_workspaces)} and ${visibleJobs(call)}`);

  return {
    cancelQueuedJob: (call) => cancelOne(call, false),
    forceCancelQueuedJob: (call) => cancelOne(call, true),
    async cancelPersistentQueuedJobs(call) {
      const { workspace, path } = call.params;
      const reason = call.body?.reason || defaultReason;
      const find = (): Promise<{ id: string }[]> =>
        db.query(sql`select q.id from job_queue q join job j on j.id = q.id
          where j.workspace_id = ${workspace} and j.script_path = ${path} and q.canceled_by is null and ${visibleJobs(call)}`);
      // a run that ends just now may be followed by its next one: looked for again until none is left
      let canceled = 0;
      for (let round = 0; round < 5; round += 1) {
        const ids = (await find()).map((row) => row.id);
        if (ids.length === 0) break;
        await cancel(services, { workspace, ids, by: nameOf(call), reason });
        canceled += ids.length;
      }
      return `Cancelled ${canceled} ${canceled === 1 ? "job" : "jobs"} of ${path}`;
    },
    async cancelSelection(call) {
      const canceled: string[] = [];
      const found = await visibleIds(call);
      for (const workspace of new Set(found.map((row) => row.workspace_id))) {
        const ids = found.filter((row) => row.workspace_id === workspace).map((row) => row.id);
        const request = {
          workspace,
          ids,
          by: nameOf(call),
          reason: defaultReason,
          force: call.query.force_cancel ?? false,
        };
        const { ended, stopping } = await cancel(services, request);
        const affected = new Set([...ended, ...stopping]);
        canceled.push(...ids.filter((id) => affected.has(id)));
      }
      return canceled;
    },
    async runQueuedJobNow(call) {
      const { workspace, id } = call.params;
      await requireJob(services, call, { workspace, id, action: "write" });
      const row = await db.maybe<{ tag: string }>(sql`update job_queue set scheduled_for = now()
        where id = ${id} and not running and suspend_until is null returning tag`);
      if (!row)
        throw new ApiError("bad_request", `Job ${id} does not wait for its time: it runs, is suspended or has ended`);
      await audit(db, {
        workspace,
        username: nameOf(call),
        operation: "jobs.run_now",
        actionKind: "Updated",
        resource: id,
      });
      dispatcher.wake([row.tag]);
      return `Job ${id} is due now`;
    },
    async getQueuePosition(call) {
      const { position } = await db.one<{ position: number }>(sql`select count(*)::int as position from job_queue
        where not running and suspend_until is null and scheduled_for <= now()
          and scheduled_for < to_timestamp(${call.params.scheduled_for + 1}::float8 / 1000)`);
      return position === 0 ? {} : { position };
    },
    async getScheduledFor(call) {
      const { workspace, id } = call.params;
      const row = await requireJob(services, call, { workspace, id, action: "read" });
      if (row.scheduled_for === null) throw new ApiError("not_found", `Job ${id} does not wait any more`);
      return row.scheduled_for.getTime();
    },
  };
}
