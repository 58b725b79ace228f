import type { Member } from "@towermill/contract";
import { bodyFlow, readFlow, type FlowStatus, type FlowValue } from "@towermill/openflow";
import type { ClaimedJob, JobKind, JobOptions } from "@towermill/queue";
import { named, sql, type Queryable } from "@towermill/store";
import type { DeployedFlows } from "./deployed.ts";
import { parseFlow } from "./flow-text.ts";
import { keepNewest } from "./memory.ts";

/** What of a flow's job decides how it moves. Only `args` can change, when its preprocessor ended. */
export interface FlowJob {
  id: string;
  workspace: string;
  kind: JobKind;
  createdBy: string;
  permissionedAs: string;
  member: Member;
  tag: string;
  /** JSON text of an object. */
  args: string;
  path: string | null;
  hash: string | null;
  /** JSON text of the value of a preview. */
  rawFlow: string | null;
  parentJob: string | null;
  rootJob: string | null;
  triggerKind: string | null;
  triggerPath: string | null;
  priority: number | null;
  cacheTtlSeconds: number | null;
  concurrencyKey: string | null;
  visibleToOwner: boolean;
  options: JobOptions;
  scheduledFor: Date | null;
}

/** A flow's job with its value, as `advance` wants it. */
export interface FlowRun {
  job: FlowJob;
  flow: FlowValue;
  /** Version of the deployed flow that the value is of, or is a part of; `null` = of a preview. */
  version: string | null;
}

interface JobRow {
  id: string;
  workspace_id: string;
  kind: JobKind;
  created_by: string;
  permissioned_as: string;
  identity: string;
  tag: string;
  args: string | null;
  script_path: string | null;
  script_hash: string | null;
  raw_flow: string | null;
  parent_job: string | null;
  root_job: string | null;
  trigger_kind: string | null;
  trigger_path: string | null;
  priority: number | null;
  cache_ttl: number | null;
  concurrency_key: string | null;
  visible_to_owner: boolean;
  options: JobOptions;
  scheduled_for: Date | null;
}

/** A flow job's definition. `undefined` = there is no such job, or it is no flow. */
export async function loadFlowJob(db: Queryable, id: string): Promise<FlowJob | undefined> {
  const row = await db.maybe<JobRow>(
    named(
      "flow_job",
      sql`select j.id, j.workspace_id, j.kind, j.created_by, j.permissioned_as, j.identity, j.tag, j.args, j.script_path,
          j.script_hash, j.raw_flow, j.parent_job, j.root_job, j.trigger_kind, j.trigger_path, j.priority, j.cache_ttl, j.concurrency_key,
          j.visible_to_owner, j.options, q.scheduled_for
        from job j left join job_queue q on q.id = j.id
        where j.id = ${id} and j.kind in ('flow', 'flowpreview', 'singlestepflow')`,
    ),
  );
  return row && flowJobOf(row);
}

function flowJobOf(row: JobRow): FlowJob {
  return {
    id: row.id,
    workspace: row.workspace_id,
    kind: row.kind,
    createdBy: row.created_by,
    permissionedAs: row.permissioned_as,
    member: JSON.parse(row.identity) as Member,
    tag: row.tag,
    args: row.args ?? "{}",
    path: row.script_path,
    hash: row.script_hash,
    rawFlow: row.raw_flow,
    parentJob: row.parent_job,
    rootJob: row.root_job,
    triggerKind: row.trigger_kind,
    triggerPath: row.trigger_path,
    priority: row.priority,
    cacheTtlSeconds: row.cache_ttl,
    concurrencyKey: row.concurrency_key,
    visibleToOwner: row.visible_to_owner,
    options: row.options,
    scheduledFor: row.scheduled_for,
  };
}

/** Flow jobs with their values. What never changes is kept in memory. */
export interface Runs {
  /** @throws Error when the job or its flow's version is gone */
  get(id: string): Promise<FlowRun>;
  /** One that is kept in memory. */
  known(id: string): FlowRun | undefined;
  /** A flow job that a worker claimed: nothing of it need be read. It is not kept before it is known to be stored. */
  claimed(job: ClaimedJob): Promise<FlowRun>;
  /** Keeps a flow job in memory that is stored. */
  remember(run: FlowRun): void;
  forget(id: string): void;
}

/** Flow jobs kept in memory, and the length of arguments above which one is not kept. */
const mostRuns = 2000;
const longestArgs = 100_000;

export function createRuns({ db, deployed }: { db: Queryable; deployed: DeployedFlows }): Runs {
  const known = new Map<string, FlowRun>();
  const remember = (run: FlowRun): void => {
    if (run.job.args.length > longestArgs || run.job.options.preprocess) return;
    keepNewest(known, run.job.id, run, mostRuns);
  };
  const get = async (id: string): Promise<FlowRun> => {
    const found = known.get(id);
    if (found) return found;
    const job = await loadFlowJob(db, id);
    if (!job) throw new Error(`Flow job ${id} does not exist`);
    const run = await runOf(job);
    remember(run);
    return run;
  };
  const runOf = async (job: FlowJob): Promise<FlowRun> => ({ job, ...(await valueOf(job)) });
  const valueOf = async (job: FlowJob): Promise<Pick<FlowRun, "flow" | "version">> => {
    const place = job.options.flow;
    if (place?.body && job.parentJob !== null) {
      const { flow, version } = await get(job.parentJob);
      return { flow: bodyFlow(flow, place.body), version };
    }
    if (job.rawFlow !== null) return { flow: readFlow(parseFlow(job.rawFlow)), version: null };
    const value = job.hash === null ? null : await deployed.value(job.workspace, Number(job.hash));
    if (!value) throw new Error(`Version ${job.hash ?? ""} of the flow ${job.path ?? ""} does not exist any more`);
    return { flow: readFlow(value), version: job.hash };
  };
  const claimed = (job: ClaimedJob): Promise<FlowRun> => runOf({ ...job, args: job.args ?? "{}" });
  return { get, claimed, remember, known: (id) => known.get(id), forget: (id) => void known.delete(id) };
}

/** A flow's status as it is stored, and the revision that whoever moves it has to name. */
export interface Stored {
  status: FlowStatus;
  revision: number;
}

export async function loadStatus(db: Queryable, id: string): Promise<Stored | undefined> {
  const row = await db.maybe<{ status: string; revision: number }>(
    named("flow_status", sql`select status, revision from job_flow where id = ${id}`),
  );
  return row && { status: JSON.parse(row.status) as FlowStatus, revision: row.revision };
}
