import { noteInLog, type NewJob } from "@towermill/queue";
import { sql, type Database } from "@towermill/store";
import type { Duty, DutyContext } from "../duty.ts";
import { isFinal } from "../schedules/failure.ts";
import { overlapSeconds, readEnds, type EndedJob } from "./ended-job.ts";
import { handlerFor, handlerRun, type Handler, type Handlers } from "./handler.ts";

const atATime = 100;

interface Watched extends Handlers {
  workspace: string;
  now: Date;
}

/** Workspaces with a handler; the watch of one begins when it has none, and ends with its handlers. */
async function readWatched(db: Database): Promise<Watched[]> {
  await db.execute(sql`
    insert into handler_watch (workspace_id)
    select id from workspace where settings ?| array['error_handler', 'success_handler'] and not deleted
    on conflict do nothing`);
  await db.execute(sql`
    delete from handler_watch h using workspace w
    where w.id = h.workspace_id and (w.deleted or not w.settings ?| array['error_handler', 'success_handler'])`);
  return db.query<Watched & object>(sql`
    select w.id as workspace, w.settings -> 'error_handler' as error, w.settings -> 'success_handler' as success, now() as now
    from handler_watch h join workspace w on w.id = h.workspace_id`);
}

/** The handler's job, if it can run at all; that it cannot is written where somebody who looks for the reason looks. */
async function jobOf(
  { db, log, unattended }: DutyContext,
  { job, handler }: { job: EndedJob; handler: Handler },
): Promise<NewJob | null> {
  try {
    return await unattended.job(handlerRun(job, handler));
  } catch (error) {
    if (!isFinal(error)) throw error;
    const what = job.status === "success" ? "success" : "error";
    await noteInLog(db, job.id, `The ${what} handler of the workspace could not be started: ${error.message}`);
    log.warn(
      { err: error, workspace: job.workspace_id, job: job.id },
      `a workspace's ${what} handler could not be started`,
    );
    return null;
  }
}

/**
 * Deals with one end, once: whoever writes it down first starts the handler, in the same transaction. What the watch has
 * passed is done, though its row is gone: another leader was faster.
 */
async function handle(ctx: DutyContext, job: EndedJob, handlers: Handlers): Promise<void> {
  const { db, dispatcher } = ctx;
  const handler = handlerFor(job, handlers);
  const run = handler && (await jobOf(ctx, { job, handler }));
  const isFirst = await db.transaction(async (tx) => {
    const written = await tx.execute(sql`
      insert into handled_end (job_id, workspace_id, completed_at)
      select ${job.id}, workspace_id, ${job.completed_at} from handler_watch
      where workspace_id = ${job.workspace_id} and until - make_interval(secs => ${overlapSeconds}) < ${job.completed_at}
      for share
      on conflict do nothing`);
    if (written > 0 && run) await dispatcher.pushIn(tx, run);
    return written > 0;
  });
  if (isFirst && run) dispatcher.wake([run.tag]);
}

async function lookAt(ctx: DutyContext, watched: Watched): Promise<void> {
  const { db } = ctx;
  const statuses = [...(watched.error ? ["failure", "canceled"] : []), ...(watched.success ? ["success"] : [])];
  let until = watched.now;
  for (;;) {
    const ends = await readEnds(db, { workspace: watched.workspace, statuses, limit: atATime });
    const ripe = ends.filter((job) => job.attempt !== "pending");
    for (const job of ripe) await handle(ctx, job, watched);
    const waiting = ends.find((job) => job.attempt === "pending");
    if (waiting && waiting.completed_at < until) until = waiting.completed_at;
    if (ends.length < atATime || ripe.length === 0) break;
  }
  await db.execute(
    sql`update handler_watch set until = ${until} where workspace_id = ${watched.workspace} and until < ${until}`,
  );
  await db.execute(sql`
    delete from handled_end
    where workspace_id = ${watched.workspace} and completed_at < ${until}::timestamptz - make_interval(secs => ${2 * overlapSeconds})`);
}

/**
 * Starts the error and success handlers of workspaces for what ended, whichever process ended it and however: by its
 * code, by a limit, by a cancel, with a lost worker. An attempt that a schedule tries again is no end.
 */
export const workspaceHandlers: Duty = {
  name: "workspace_handlers",
  everyMs: 1000,
  async run(ctx) {
    for (const watched of await readWatched(ctx.db)) await lookAt(ctx, watched);
  },
};
