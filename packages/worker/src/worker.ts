import { randomBytes } from "node:crypto";
import { availableParallelism, hostname, totalmem } from "node:os";
import {
  claimedOf,
  giveBackJobs,
  logLength,
  writeCachedResult,
  type ClaimedJob,
  type Dispatcher,
  type Ended,
  type WorkerRegistration,
} from "@towermill/queue";
import type { Driven, FlowDriver, Slot } from "@towermill/flow-driver";
import { completeDeployment, runDependencyJob } from "./dependency-job.ts";
import { completeFlowDeployment, runFlowDependencyJob } from "./inline-dependency-job.ts";
import { createCompleter, type Completer, type WorkerCompletion } from "./completer.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { createLogWriter, type LogWriter } from "./job-log.ts";
import { createOccupancy } from "./occupancy.ts";
import { errorResult, RunLost } from "./outcome.ts";
import { completePerpetual } from "./perpetual.ts";
import type { JobEnd, RunningJob, WorkerContext } from "./running-job.ts";
import { createSecretReads } from "./secret-reads.ts";
import { createWorkspaceEnvironment } from "./workspace-environment.ts";
import { createSharedFolders } from "./flow-shared.ts";
import { runScriptJob } from "./script-job.ts";
import { alreadyWritten, createSlots, pendingOf, type Next, type Stay } from "./slots.ts";

export interface WorkerOptions extends Omit<WorkerContext, "workspaceEnvironment" | "secretReads"> {
  dispatcher: Dispatcher;
  flows: FlowDriver;
  databaseUrl: string;
  group: string;
  tags: readonly string[];
  slots: number;
  version: string;
  /** The net behind the notifications: how often the queue is asked without one. */
  pollMs?: number;
}

export interface RunningWorker {
  readonly name: string;
  /**
   * Stops: takes no more jobs, lets the running ones end for `graceMs`, gives the rest back to the queue, where they
   * run again on another worker without counting as lost.
   */
  stop(graceMs: number): Promise<void>;
}

interface Active {
  job: ClaimedJob;
  /** Its row is in the queue. */
  written: boolean;
  abort: AbortController;
  over: Promise<unknown>;
}

function registrationOf(options: WorkerOptions): WorkerRegistration {
  const host = hostname().replaceAll(/[^A-Za-z0-9.-]/g, "");
  return {
    name: `wk-${options.group}-${host}-${randomBytes(4).toString("hex")}`,
    instance: host,
    group: options.group,
    tags: options.tags,
    slots: options.slots,
    ip: "127.0.0.1",
    version: options.version,
    isolation: options.executor.isolation.level,
    vcpus: availableParallelism() * 100_000,
    memory: totalmem(),
  };
}

interface Parts {
  completer: Completer;
  logs: LogWriter;
  dispatcher: Dispatcher;
  flows: FlowDriver;
  /** What the next step of a flow may be claimed for. */
  slot: Slot;
  takesSlot: boolean;
  /** A job that was claimed ahead. */
  nextJob(): ClaimedJob | null;
  /** Gives the slot to another job before the end of this one is written. */
  goOn(next: Next): void;
}

const nothing: Driven = { ended: null, next: null };

type LastLog = { position: number; text: string } | null;
type WrittenEnd = WorkerCompletion & { lastLog: LastLog };

function completionOf(job: ClaimedJob, end: JobEnd, lastLog: LastLog): WrittenEnd {
  return {
    id: job.id,
    attempt: job.attempt,
    status: end.status,
    result: end.result,
    memPeakKb: end.memPeakKb ?? null,
    runner: end.runner ?? null,
    startMs: end.startMs ?? null,
    labels: end.labels ?? null,
    preprocessed: end.preprocessed ?? false,
    deleteAfterSeconds: end.deleteAfterSeconds ?? null,
    limited: job.concurrencyKey !== null,
    lastLog,
    freesSlot: false,
  };
}

function bodyOf(job: ClaimedJob): (ctx: WorkerContext, running: RunningJob) => Promise<JobEnd> {
  if (job.kind === "dependencies") return runDependencyJob;
  if (job.kind === "flowdependencies") return runFlowDependencyJob;
  if (job.options.failed) return failBeforeRun;
  return job.kind === "identity" || job.kind === "noop" ? runIdentityJob : runScriptJob;
}

/** A step that could not be prepared when its flow pushed it. */
async function failBeforeRun(_ctx: WorkerContext, { job }: RunningJob): Promise<JobEnd> {
  return { status: "failure", result: JSON.stringify({ error: job.options.failed }) };
}

function isFlow({ kind }: ClaimedJob): boolean {
  return kind === "flow" || kind === "flowpreview";
}

/** Answers its arguments: a step that passes on what it was given, and what measures the queue alone. */
async function runIdentityJob(_ctx: WorkerContext, { job }: RunningJob): Promise<JobEnd> {
  return { status: "success", result: job.args ?? "null" };
}

/** A job whose runs are lost more often than this is what ends the launcher. */
const mostLostRuns = 3;

/**
 * Runs one job to its end and writes it: whatever goes wrong becomes the job's result. A flow is only begun here; its steps
 * are jobs of their own. The answer is the step that was claimed for the slot, if one was.
 */
async function runToEnd(
  ctx: WorkerContext,
  parts: Parts,
  { job, signal, isWritten }: Omit<RunningJob, "log">,
): Promise<ClaimedJob | null> {
  const run = bodyOf(job);
  if (isFlow(job)) return (await parts.flows.begin(job, parts.slot, pendingOf(isWritten))).next;
  // only flows and scripts have something to make ready
  if (run !== runScriptJob && !(await isWritten)) return null;
  if (job.options.flow) parts.flows.expect(job, parts.slot);
  const position = job.attempt > 1 ? await logLength(ctx.db, job.id).catch(() => 0) : 0;
  const log = parts.logs.open({ id: job.id, attempt: job.attempt, position });
  const running: RunningJob = { job, log, signal, isWritten };
  const end = await run(ctx, running).catch((error: unknown): JobEnd | null => {
    if (error instanceof RunLost && job.attempt <= mostLostRuns) return null;
    ctx.log.error({ err: error, job: job.id }, "a job could not be run");
    const message = error instanceof Error ? error.message : String(error);
    return { status: "failure", result: errorResult({ name: "InternalError", message }) };
  });
  const lastLog = await log.take();
  if (!(await isWritten)) return null;
  if (end === null) {
    parts.dispatcher.wake(await giveBackJobs(ctx.db, [job]));
    return null;
  }
  if (signal.aborted && signal.reason === givenBack) return null;
  if (end.status === "success") await keepResult(ctx, job, end.result);
  const { ended, next } = await writeEnd(ctx, parts, running, completionOf(job, end, lastLog));
  if (ended && job.options.perpetual) parts.dispatcher.wake([job.tag]);
  return next;
}

/**
 * Keeps a success for the next run with the same arguments, where the script asked for it. It is kept before the run ends:
 * whoever runs again once this one has ended finds it.
 */
async function keepResult({ db, log }: WorkerContext, job: ClaimedJob, result: string): Promise<void> {
  const { cacheKey } = job.options;
  if (cacheKey === undefined || job.cacheTtlSeconds === null) return;
  const entry = {
    key: Buffer.from(cacheKey, "hex"),
    workspace: job.workspace,
    result,
    ttlSeconds: job.cacheTtlSeconds,
  };
  await writeCachedResult(db, entry).catch((error: unknown) =>
    log.warn({ err: error, job: job.id }, "a result was not cached"),
  );
}

/** Writes the end of a job: most share a statement with others; those that change more with it have a transaction. */
async function writeEnd(ctx: WorkerContext, parts: Parts, running: RunningJob, end: WrittenEnd): Promise<Driven> {
  const { job } = running;
  const { completer, dispatcher, flows, slot } = parts;
  if (job.options.flow) return flows.end(job, end, slot);
  if (job.options.perpetual) return announce(dispatcher, await completePerpetual(ctx, job, end));
  if (job.kind === "dependencies" && job.hash !== null) {
    return announce(dispatcher, await completeDeployment(ctx, running, end));
  }
  if (job.kind === "flowdependencies" && job.hash !== null) {
    return announce(dispatcher, await completeFlowDeployment(ctx, running, end));
  }
  const next = parts.takesSlot ? parts.nextJob() : null;
  end.freesSlot = parts.takesSlot && next === null;
  const written = completer.complete(end);
  // the slot need not wait for the database
  if (next) parts.goOn({ job: next, isWritten: alreadyWritten });
  return { ...nothing, ended: await written };
}

function announce(dispatcher: Dispatcher, ended: Ended | null): Driven {
  if (ended) dispatcher.ended([ended]);
  return { ...nothing, ended };
}

/** Why a job was aborted without ending: it went back to the queue, or is no longer this worker's. */
const givenBack = Symbol("given back");

/** Starts a worker: registers it, then takes jobs until it is stopped. */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { db, bus, log, dispatcher, flows } = options;
  const secretReads = createSecretReads({ bus, vault: options.vault });
  const ctx: WorkerContext = { ...options, secretReads, workspaceEnvironment: createWorkspaceEnvironment({ db, bus }) };
  const registration = registrationOf(options);
  const heartbeat = await startHeartbeat({ databaseUrl: options.databaseUrl, registration, intervalMs: 3000 });
  const logs = createLogWriter({ db, bus, log });
  const active = new Map<string, Active>();
  const occupancy = createOccupancy(options.slots, performance.now());
  let executed = 0;
  let lastJob: { id: string; workspace: string } | null = null;
  const shared = createSharedFolders(options);
  let strays = new Set<string>();
  const canceledAhead = new Set<string>();
  const slotOf = (stay: Stay, goOn: Parts["goOn"]): Slot => ({
    worker: registration.name,
    serves: (tag, pinned) => slots.serves(tag, pinned) && (pinned || !stay.isOver()),
    tags: () => (slots.isOpen && !stay.isOver() ? options.tags : []),
    goOn: (job, isWritten) => goOn({ job, isWritten }),
  });

  const run = async ({ job, isWritten }: Next, stay: Stay): Promise<Next | null> => {
    const abort = new AbortController();
    occupancy.begin(performance.now());
    let goOn: (next: Next) => void = () => undefined;
    const goneOn = new Promise<Next>((resolve) => (goOn = resolve));
    const { takesSlot } = stay;
    const slot = slotOf(stay, goOn);
    const parts = { completer, logs, dispatcher, flows, slot, takesSlot, nextJob: slots.next, goOn };
    if (canceledAhead.delete(job.id)) abort.abort("canceled");
    const over = runToEnd(ctx, parts, { job, signal: abort.signal, isWritten }).catch((error: unknown) => {
      log.error({ err: error, job: job.id }, "the end of a job could not be written; the job will be rescued");
      return null;
    });
    const entry: Active = { job, written: false, abort, over };
    active.set(job.id, entry);
    void isWritten.then((yes) => (entry.written = yes));
    shared.use(job);
    bus.publish("live", [job.id]);
    const ended = over.then((next) => {
      // one that was not written may have come again under the same id
      if (active.get(job.id) === entry) active.delete(job.id);
      if (entry.written) {
        executed += 1;
        lastJob = { id: job.id, workspace: job.workspace };
      }
      return next && { job: next, isWritten: alreadyWritten };
    });
    const next = await Promise.race([ended, goneOn]);
    occupancy.end(performance.now());
    return next;
  };
  const slots = createSlots({ db, log, worker: registration.name, tags: options.tags, count: options.slots, run });
  const completer = createCompleter({ db, dispatcher, log, slots });
  const cancel = (ids: readonly string[]): void => {
    for (const id of ids) {
      active.get(id)?.abort.abort("canceled");
      if (slots.holds(id)) canceledAhead.add(id);
    }
  };
  const giveBackAhead = async (which: "all" | "late"): Promise<void> => {
    const jobs = slots.drop(which);
    for (const { id } of jobs) canceledAhead.delete(id);
    if (jobs.length > 0) dispatcher.wake(await giveBackJobs(db, jobs));
  };

  /**
   * What is cancelled, or was taken away while this worker was cut off, is stopped even if no notification came. What the
   * queue says is here but is not, twice in a row, was claimed by an answer that never arrived: it goes back.
   */
  const reconcile = async (): Promise<void> => {
    const before = [...active.values()].filter(({ written }) => written).map(({ job }) => job.id);
    const held = new Map((await claimedOf(db, registration.name)).map((row) => [row.id, row]));
    const unknown = [...held.values()].filter(({ id }) => !active.has(id) && !slots.holds(id));
    const lost = unknown.filter(({ id }) => strays.has(id));
    strays = new Set(unknown.map(({ id }) => id));
    if (lost.length > 0) dispatcher.wake(await giveBackJobs(db, lost));
    for (const id of before) {
      const entry = active.get(id);
      const row = held.get(id);
      if (!entry) continue;
      if (row?.canceled) entry.abort.abort("canceled");
      else if (!row || row.attempt !== entry.job.attempt) entry.abort.abort(givenBack);
    }
  };
  const tags = new Set(options.tags);
  const unsubscribe = [
    bus.subscribe("wake", (woken) => woken.some((tag) => tags.has(tag)) && slots.fill()),
    bus.subscribe("cancel", cancel),
    shared.follow(bus),
    () => secretReads.stop(),
    bus.onResync(() => slots.fill()),
  ];
  const tick = (): void => {
    slots.fill();
    giveBackAhead("late").catch((error: unknown) => log.warn({ err: error }, "waiting jobs could not be given back"));
    reconcile().catch((error: unknown) => log.warn({ err: error }, "running jobs could not be checked"));
    const memoryUsage = process.memoryUsage.rss();
    heartbeat.report({ jobsExecuted: executed, lastJob, occupancy: occupancy.read(performance.now()), memoryUsage });
  };
  const poll = setInterval(tick, options.pollMs ?? 1500);
  dispatcher.attach(slots);
  slots.fill();

  return {
    name: registration.name,
    async stop(graceMs) {
      slots.close();
      clearInterval(poll);
      await giveBackAhead("all").catch(() => undefined);
      await settled(
        [...active.values()].map((entry) => entry.over),
        graceMs,
      );
      const left = [...active.values()];
      const woken = await giveBackJobs(
        db,
        left.map(({ job }) => ({ id: job.id, attempt: job.attempt })),
      ).catch(() => []);
      for (const entry of left) entry.abort.abort(givenBack);
      await giveBackAhead("all").catch(() => undefined);
      await settled(
        left.map((entry) => entry.over),
        5000,
      );
      dispatcher.wake(woken);
      for (const end of unsubscribe) end();
      await logs.close();
      await heartbeat.stop();
    },
  };
}

async function settled(promises: readonly Promise<unknown>[], limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([Promise.all(promises), new Promise((resolve) => (timer = setTimeout(resolve, limitMs)))]);
  clearTimeout(timer);
}
