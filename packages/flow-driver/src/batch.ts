import { setTimeout as sleep } from "node:timers/promises";
import { errorCode, type Log } from "@towermill/store";
import { afterCommit, type Surroundings } from "./after-commit.ts";
import { createDrive, drive, type Drive } from "./drive.ts";
import { checkEntries } from "./entry-check.ts";
import { beginFlow, endStep, type Breakage, type Entry, type Pending } from "./entry.ts";
import { failureEnd } from "./failure.ts";
import type { Foresight } from "./foresight.ts";
import type { Driven } from "./slot.ts";
import { assignSlots } from "./slots.ts";
import { refusalOf, writePlan } from "./write.ts";

export interface Batches {
  add(root: string, entry: Entry): Promise<Driven>;
}

export interface BatchesOptions extends Surroundings {
  foresight: Foresight;
}

const largestBatch = 64;
/** Refusals in a row after which something else than haste is wrong; the reconciler looks at the flow again. */
const mostTries = 1000;

/**
 * Moves of one tree of flows follow each other; those that come while one is being written are worked out and written
 * together. Trees do not wait for each other.
 */
export function createBatches(options: BatchesOptions): Batches {
  const waiting = new Map<string, Pending[]>();

  const drain = async (root: string, pending: Pending[]): Promise<void> => {
    while (pending.length > 0) await write(options, pending.splice(0, largestBatch));
    waiting.delete(root);
  };
  return {
    add: (root, entry) =>
      new Promise((done, fail) => {
        const pending = waiting.get(root);
        const added: Pending = { entry, broken: null, done, fail };
        if (pending) return void pending.push(added);
        const first = [added];
        waiting.set(root, first);
        void drain(root, first);
      }),
  };
}

/** Tries until the batch is written. Every entry is answered; nothing is thrown. */
async function write(options: BatchesOptions, batch: Pending[]): Promise<void> {
  const { ctx, db, log, foresight } = options;
  let left = batch;
  for (let tries = 0, pauseMs = 50; left.length > 0; tries += 1) {
    const foreseen = tries === 0 ? foresight.take(left) : null;
    const work = foreseen?.work ?? createDrive(ctx);
    try {
      if (!foreseen) await workOut(work, left, tries === 0);
      if (isOutOfDate(work)) continue;
      const claimed = foreseen?.claims ?? assignSlots(work, left, options.dispatcher);
      foresight.writing(work);
      try {
        const writing = writePlan(db, work.plan, foreseen?.phrased);
        // the statement is on its way before the next step is made ready: both take their time at once
        setImmediate(claimed.prepare);
        const written = await writing;
        await afterCommit(options, work, { written, batch: left, claimed });
        return;
      } catch (error) {
        claimed.release();
        throw error;
      } finally {
        foresight.written(work);
      }
    } catch (error) {
      forget(work);
      const refusal = refusalOf(error);
      if (refusal === null && left.length > 1) {
        // one of them is to blame: each by itself
        for (const pending of left) await write(options, [pending]);
        return;
      }
      if (tries > mostTries || (refusal === null && !(await mayTryAgain(error, left, log)))) {
        for (const pending of left) pending.fail(error);
        return;
      }
      if (refusal === null || tries > 10) await sleep((pauseMs = Math.min(pauseMs * 2, 2000)));
      left = await checkEntries(db, left);
    }
  }
}

async function workOut(work: Drive, batch: readonly Pending[], isFirstTry: boolean): Promise<void> {
  for (const { entry, broken } of batch) {
    if (broken !== null) {
      await failureEnd(work, entry, broken);
    } else if (entry.kind === "begin") {
      // a flow that nobody began has no status yet; if an approval came before, the plan is refused and this is read again
      await beginFlow(work, entry.job, isFirstTry && entry.job.attempt === 1);
    } else if (entry.kind === "end") endStep(work, entry);
    else {
      if (entry.resume) work.plan.resumes.push(entry.resume);
      work.events.push({ flowJob: entry.flowJob, event: entry.event });
    }
  }
  await drive(work);
  const refused = new Set(work.ignored.map(({ event }) => event));
  const dropped = batch.flatMap(({ entry }) =>
    entry.kind === "event" && refused.has(entry.event) ? [entry.resume] : [],
  );
  work.plan.resumes = work.plan.resumes.filter((resume) => !dropped.includes(resume));
}

/** An event that was refused because of what this process remembers may fit what is stored. */
function isOutOfDate(work: Drive): boolean {
  const doubtful = work.ignored.filter(({ flowJob }) => work.states.get(flowJob)?.remembered);
  for (const { flowJob } of doubtful) work.ctx.statuses.delete(flowJob);
  return doubtful.length > 0;
}

function forget(work: Drive): void {
  for (const id of work.states.keys()) work.ctx.statuses.delete(id);
}

/** A database that is away comes back; an error of the flow itself becomes the flow's end. */
async function mayTryAgain(error: unknown, [pending]: readonly Pending[], log: Log): Promise<boolean> {
  if (isDatabaseAway(error)) {
    log.warn({ err: error }, "a flow could not be moved, trying again");
    return true;
  }
  if (!pending || pending.broken !== null) return false;
  const { entry } = pending;
  if (entry.kind === "event" && entry.event.type === "resume") return false;
  log.error(
    { err: error, job: entry.kind === "event" ? entry.flowJob : entry.job.id },
    "a flow could not be moved: it fails",
  );
  pending.broken = breakageOf(error);
  return true;
}

/** SQLSTATE classes 22 (data), 54 (limits): the value itself is refused. */
function breakageOf(error: unknown): Breakage {
  const message = error instanceof Error ? error.message : String(error);
  if (!/^(22|54)/.test(errorCode(error) ?? "")) return { name: "InternalErr", message };
  return { name: "ResultNotStorable", message: `The result cannot be stored: ${message}` };
}

/** Classes 08 (connection), 53 (resources), 57 (shutdown), 40 (conflicts), 55 (locks), and errors without SQLSTATE of the socket. */
function isDatabaseAway(error: unknown): boolean {
  const code = errorCode(error) ?? "";
  if (/^(08|53|57|40|55)/.test(code) || /^E[A-Z]+$/.test(code)) return true;
  return error instanceof Error && /timeout exceeded|Connection terminated|connect/i.test(error.message);
}
