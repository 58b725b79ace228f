import { ApiError, type Member } from "@towermill/contract";
import {
  completeJobs,
  hashToken,
  pushJob,
  randomToken,
  readCachedResult,
  type NewJob,
  type Outcome,
} from "@towermill/queue";
import {
  behalfOf,
  createRunnables,
  readTagRules,
  scriptJob,
  type RunOptions,
  type Runner,
  type ScriptOptions,
  type TagRules,
  type Target,
} from "@towermill/runnable";
import { sql } from "@towermill/store";
import { scopesOf } from "../http/item.ts";
import type { Authentication } from "../identity/authentication.ts";
import { createCache } from "@towermill/store";
import type { Caller } from "../identity/caller.ts";
import type { Services } from "../services.ts";
import type { Sent } from "./arguments.ts";
import { cancel } from "./cancel.ts";
import { requesterOf } from "./requester.ts";

interface Who {
  caller: Caller;
  member: Member;
}

/** Makes jobs of what callers ask for and starts them. One per process; every way to run code goes through it. */
export interface Starter {
  /** The job that runs a script for somebody; not started yet. @throws ApiError */
  script(
    who: Who,
    target: Target,
    run: { sent: Partial<Sent> & { args: string }; options: RunOptions & { scheduled_in_secs?: number | undefined } },
  ): Promise<NewJob>;
  tagRules(): Promise<TagRules>;
  /** Starts a job; one whose result is cached is complete at once. */
  start(job: NewJob): Promise<void>;
  /**
   * Starts a job and waits for its end. When the client goes away the job is cancelled; when the time is over it goes on.
   * @throws ApiError `timeout`
   */
  startAndWait(job: NewJob, signal: AbortSignal): Promise<Outcome>;
}

export function createStarter(services: Services, auth: Pick<Authentication, "memberOf">): Starter {
  const { db, bus, dispatcher } = services;
  const runnables = createRunnables({ db, bus });
  const rules = createCache({ bus, name: "tags", load: () => readTagRules(db) });

  const runnerFor = async ({ caller, member }: Who, options: ScriptOptions): Promise<Runner> => {
    const behalf = await behalfOf({ db, members: auth }, member.workspace, options);
    const requester = requesterOf(caller);
    return behalf ? { requester, ...behalf, startedBy: member } : { requester, member };
  };

  const startCached = async (job: NewJob): Promise<boolean> => {
    const key = job.options?.cacheKey;
    if (!key || job.scheduledFor) return false;
    const result = await readCachedResult(db, Buffer.from(key, "hex"));
    if (result === undefined) return false;
    const ended = await db.transaction(async (tx) => {
      await pushJob(tx, { ...job, concurrency: null }, { worker: "cache", tokenHash: hashToken(randomToken()) });
      return completeJobs(tx, [{ id: job.id, attempt: 1, status: "success", result, runner: "cached" }]);
    });
    dispatcher.ended(ended);
    return true;
  };
  const start = async (job: NewJob): Promise<void> => {
    if (!(await startCached(job))) await dispatcher.push(job);
  };

  return {
    start,
    tagRules: () => rules.get("all"),
    async script(who, target, { sent, options }) {
      const version = await runnables.resolve({ scopes: scopesOf(who.caller), member: who.member }, target);
      const runner = await runnerFor(who, version.options);
      const { scheduled_in_secs: delay } = options;
      // the database's clock decides when a job is due, so it also says what "in n seconds" means
      const due = delay ? await db.one<{ at: Date }>(sql`select now() + make_interval(secs => ${delay}) as at`) : null;
      const run = { version, ...sent, options: due ? { ...options, scheduled_for: due.at } : options };
      return scriptJob(run, runner, await rules.get("all"));
    },
    async startAndWait(job, signal) {
      // before the push: a quick job may end before the push has answered
      const waiting = dispatcher.waitFor(job.id, { timeoutMs: services.waitLimitMs, signal, early: true });
      try {
        await start(job);
      } catch (error) {
        dispatcher.forget(job.id);
        throw error;
      }
      const outcome = await waiting;
      if (outcome) return outcome;
      if (signal.aborted) {
        await cancel(services, {
          workspace: job.workspace,
          ids: [job.id],
          by: job.createdBy,
          reason: "http connection broke",
        });
      }
      throw new ApiError("timeout", `timeout after ${services.waitLimitMs / 1000}s: job ${job.id} goes on`);
    },
  };
}

/** Refuses to wait when too many jobs are due already. @throws ApiError `too_many` */
export async function requireShortQueue({ db }: Services, limit: number | undefined): Promise<void> {
  if (limit === undefined) return;
  const { waiting } = await db.one<{ waiting: number }>(sql`select count(*)::int as waiting from (
    select from job_queue where not running and scheduled_for <= now() limit ${Math.max(0, limit) + 1}) q`);
  if (waiting > limit) throw new ApiError("too_many", `Number of queued job is too high: ${waiting} > ${limit}`);
}
