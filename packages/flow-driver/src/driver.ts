import type { ClaimedJob, Completion, Dispatcher } from "@towermill/queue";
import { createRunnables, readTagRules } from "@towermill/runnable";
import { createCache, type Bus, type Database, type Log } from "@towermill/store";
import type { Vault } from "@towermill/vault";
import { createBatches } from "./batch.ts";
import type { DeployedFlows } from "./deployed.ts";
import type { DriveContext } from "./drive.ts";
import { endedElsewhere } from "./ended-elsewhere.ts";
import type { Evaluator } from "@towermill/expression";
import type { Entry } from "./entry.ts";
import { createForesight } from "./foresight.ts";
import { createTextCache } from "./memory.ts";
import { resumeEntry, type ResumeRequest } from "./resume.ts";
import { rootOf } from "./place.ts";
import type { Driven, Slot } from "./slot.ts";
import { findUnheard } from "./stuck.ts";
import { createRuns, loadFlowJob, type Stored } from "./run.ts";

/** Moves flows. One per process; any number of processes may move the same flow. */
export interface FlowDriver {
  /**
   * Begins a flow job that a worker claimed, or goes on with it; the worker has nothing more to do with it.
   * @param isWritten of a job that is still being pushed: it begins once it is there, and never when it does not come
   */
  begin(job: ClaimedJob, slot: Slot | null, isWritten?: Promise<boolean>): Promise<Driven>;
  /** A job begins to run in a slot. Should it be a step, what follows its success is worked out meanwhile. */
  expect(job: ClaimedJob, slot: Slot): void;
  /** Ends a step and moves its flow, in one commit. Resolves when it is durable. */
  end(job: ClaimedJob, completion: Completion, slot: Slot | null): Promise<Driven>;
  /**
   * Moves the flows of steps that ended without the driver: cancelled, forced, or given up after their workers were
   * lost. Jobs that are no steps are left alone; saying it twice is harmless.
   */
  endedElsewhere(jobs: readonly string[]): Promise<void>;
  /**
   * Counts an approval or a disapproval. @throws ApiError `bad_request` when it was sent before or the gate has been
   * passed, `not_found` when there is no such flow any more
   */
  resume(request: ResumeRequest): Promise<void>;
  /** Tells a flow that the time it waits for approvals is over. */
  timeOut(flowJob: string): Promise<void>;
  /**
   * Repairs what a crash left: flows that wait though none of their steps is queued or running hear of what ended.
   * @returns how many steps they were told of
   */
  reconcile(): Promise<number>;
}

export interface FlowDriverOptions {
  db: Database;
  bus: Bus;
  dispatcher: Dispatcher;
  log: Log;
  vault: Vault;
  deployed: DeployedFlows;
  evaluator: Evaluator;
  /** A while loop that runs longer fails its step; 100,000 if absent. */
  maxIterations?: number;
}

export function createFlowDriver(options: FlowDriverOptions): FlowDriver {
  const { db, bus, deployed } = options;
  const rules = createCache({ bus, name: "tags", load: () => readTagRules(db) });
  const statuses = new Map<string, Stored>();
  const ctx: DriveContext = {
    db,
    vault: options.vault,
    evaluator: options.evaluator,
    deployed,
    runnables: createRunnables({ db, bus }),
    rules: () => rules.get("all"),
    runs: createRuns({ db, deployed }),
    recent: createTextCache(64_000_000),
    statuses,
    statusOf: (flowJob) => statuses.get(flowJob),
    maxIterations: options.maxIterations,
  };
  const foresight = createForesight({ ctx, dispatcher: options.dispatcher });
  const batches = createBatches({ ...options, ctx, foresight });
  const add = (root: string, entry: Entry): Promise<Driven> => batches.add(root, entry);
  const addEvent = async (flowJob: string, entry: Entry): Promise<void> => {
    const job = await loadFlowJob(db, flowJob);
    if (job) await add(rootOf(job), entry);
  };
  const tell = async (jobs: readonly string[]): Promise<void> => {
    const told = await endedElsewhere(db, jobs);
    await Promise.all(
      told.map(({ flowJob, event }) => addEvent(flowJob, { kind: "event", flowJob, event, resume: null })),
    );
  };
  return {
    async begin(job, slot, isWritten) {
      const foreseeing = isWritten && foresight.begin(job);
      if (isWritten && !(await isWritten)) return { ended: null, next: null };
      return add(rootOf(job), { kind: "begin", job, slot, foreseen: (await foreseeing) ?? null });
    },
    expect: foresight.expect,
    end: (job, completion, slot) => add(job.rootJob ?? job.parentJob ?? job.id, { kind: "end", job, completion, slot }),
    endedElsewhere: tell,
    async reconcile() {
      const unheard = await findUnheard(db);
      await tell(unheard);
      return unheard.length;
    },
    async resume(request) {
      const entry = await resumeEntry(db, request);
      await addEvent(entry.flowJob, entry);
    },
    timeOut: (flowJob) =>
      addEvent(flowJob, { kind: "event", flowJob, event: { type: "timeout", at: Date.now() }, resume: null }),
  };
}
