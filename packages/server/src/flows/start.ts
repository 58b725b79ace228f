import { ApiError, type RestartedFrom } from "@towermill/contract";
import { newFlowJob, type DeployedFlows, type FlowRunRequest, type FlowTarget } from "@towermill/flow-driver";
import type { NewJob } from "@towermill/queue";
import { behalfOf, type RunOptions, type Runner } from "@towermill/runnable";
import { sql, type Queryable } from "@towermill/store";
import { scopesOf } from "../http/item.ts";
import type { Authentication } from "../identity/authentication.ts";
import type { Sent } from "../jobs/arguments.ts";
import { requesterOf } from "../jobs/requester.ts";
import type { Starter } from "../jobs/start.ts";
import type { Services } from "../services.ts";
import type { Who } from "./find.ts";
import { requireValidFlow } from "./validation.ts";

type Restart = NonNullable<FlowRunRequest["restart"]>;
type Options = RunOptions & { scheduled_in_secs?: number | undefined };

export interface PreviewRequest {
  /** JSON text of the value, and the same parsed. */
  value: string;
  parsed: unknown;
  path?: string | null | undefined;
  tag?: string | null | undefined;
  /** JSON text of an object. */
  args: string;
  options: RunOptions;
  restart?: Restart | undefined;
  temporaryScripts?: Record<string, string> | null | undefined;
}

/** Makes the jobs of flows; `Starter` starts them. */
export interface FlowStarter {
  /** The job that runs a deployed flow for somebody. @throws ApiError */
  deployed(
    who: Who,
    target: FlowTarget,
    run: { sent: Partial<Sent> & { args: string }; options: Options; restart?: Restart | undefined },
  ): Promise<NewJob>;
  /** The job that runs a flow as it was sent. @throws ApiError `bad_request` naming step and field */
  preview(who: Who, request: PreviewRequest): Promise<NewJob>;
}

/** The database's clock decides when a job is due, so it also says what "in n seconds" means. */
async function withDueTime(db: Queryable, { scheduled_in_secs: delay, ...options }: Options): Promise<RunOptions> {
  if (!delay) return options;
  const { at } = await db.one<{ at: Date }>(sql`select now() + make_interval(secs => ${delay}) as at`);
  return { ...options, scheduled_for: at };
}

/** The places a restart goes on at, from the outside in. */
export function restartPath(from: RestartedFrom): Restart["path"] {
  const { step_id, branch_or_iteration_n: n, nested } = from;
  return [{ step_id, ...(n == null ? {} : { branch_or_iteration_n: n }) }, ...(nested ? restartPath(nested) : [])];
}

export function createFlowStarter(
  { db }: Services,
  { auth, starter, flows }: { auth: Pick<Authentication, "memberOf">; starter: Starter; flows: DeployedFlows },
): FlowStarter {
  return {
    async deployed(who, target, { sent, options, restart }) {
      const { caller, member } = who;
      const flow = await flows.resolve({ scopes: scopesOf(caller), member }, target);
      const behalf = await behalfOf({ db, members: auth }, member.workspace, flow.options);
      const requester = requesterOf(caller);
      const runner: Runner = behalf ? { requester, ...behalf, startedBy: member } : { requester, member };
      const request = { flow, ...sent, options: await withDueTime(db, options), ...(restart ? { restart } : {}) };
      return newFlowJob(request, runner, await starter.tagRules());
    },
    async preview({ caller, member }, { value, parsed, path, tag, args, options, restart, temporaryScripts }) {
      requireValidFlow(parsed);
      if (path && path.includes("\0")) throw new ApiError("bad_request", "body.path: must not hold a NUL character");
      const runner: Runner = { requester: requesterOf(caller), member };
      const request = { flow: { value, path: path || null, tag }, args, options, ...(restart ? { restart } : {}) };
      const job = newFlowJob(request, runner, await starter.tagRules());
      const references = temporaryScripts && Object.keys(temporaryScripts).length > 0 ? temporaryScripts : null;
      return references ? { ...job, options: { ...job.options, temporaryScripts: references } } : job;
    },
  };
}
