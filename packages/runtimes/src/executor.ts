import { mkdirSync } from "node:fs";
import type { Language } from "@towermill/contract";
import { findBun } from "./bun/binary.ts";
import { mapStack } from "./bun/stack.ts";
import { PrepareFailure } from "./cache/failure.ts";
import { standardRuntimes } from "./languages.ts";
import { openFactory, type RunnerFactory } from "./pool/factory.ts";
import { drop, go, runMessage } from "./pool/frames.ts";
import type { EngineName } from "./pool/engines.ts";
import { createPool, type Claim, type Pool } from "./pool/pool.ts";
import { openSharedFolders, type SharedFolders } from "./pool/shared.ts";
import type { Slot } from "./pool/slot.ts";
import { postgresqlRuntime } from "./postgresql/runtime.ts";
import type {
  Detection,
  Executor,
  JobError,
  LanguageRuntime,
  NativeRuntime,
  Prepared,
  RunIo,
  RunnerKind,
  RunOutcome,
  RunRequest,
} from "./runtime.ts";
import type { RunTool } from "./sandbox/tool.ts";
import type { Level } from "./sandbox/sandbox.ts";

export interface ExecutorOptions {
  /** Folder for runners' files; made when missing, private to this machine. */
  folder: string;
  /** Folder of prepared code, the one the runtimes write to. */
  cacheFolder: string;
  /** Jobs the worker runs at the same time; decides how many blank runners stand ready. */
  slots: number;
  isolation: "auto" | Level;
  /** Makes the languages (default: all of them); they get the function that runs their installers in the sandbox. */
  runtimes?: (runTool: RunTool) => readonly LanguageRuntime[];
  /** Name or path of Python 3. */
  python?: string;
  limits?: Partial<ExecutorLimits>;
  log?: (line: string) => void;
}

export interface ExecutorLimits {
  maxRunners: number;
  /** Jobs after which a runner is replaced. */
  maxJobs: number;
  idleMs: number;
  maxAgeMs: number;
  /** Memory of a runner that no job has been given to yet. */
  memoryLimitMb: number;
  logBytes: number;
  resultBytes: number;
  processes: number;
  openFiles: number;
  /** Size of one file that a job writes. */
  fileBytes: number;
  /** Size of a runner's private /tmp. */
  tmpMb: number;
}

const defaults: ExecutorLimits = {
  maxRunners: 0,
  maxJobs: 1000,
  idleMs: 60_000,
  maxAgeMs: 3_600_000,
  memoryLimitMb: 2048,
  logBytes: 20 * 1024 * 1024,
  resultBytes: 100 * 1024 * 1024,
  processes: 512,
  openFiles: 4096,
  fileBytes: 4 * 1024 * 1024 * 1024,
  tmpMb: 256,
};

/**
 * Everything the worker knows of languages and processes, ready to run jobs. Throws when there is no Python 3 for the
 * launcher or when the isolation that was asked for is not to be had here.
 */
export async function createExecutor(options: ExecutorOptions): Promise<Executor> {
  const limits = { ...defaults, ...options.limits };
  if (limits.maxRunners === 0) limits.maxRunners = 8 + 4 * options.slots;
  const log = options.log ?? (() => undefined);
  mkdirSync(options.folder, { recursive: true });
  mkdirSync(options.cacheFolder, { recursive: true });
  const opening = openFactory({ ...options, limits, log, bun: (await findBun()) ?? undefined });
  const { cacheFolder } = options;
  const makeRuntimes =
    options.runtimes ?? ((runTool): LanguageRuntime[] => standardRuntimes({ cacheFolder, runTool, log }));
  const runtimes = makeRuntimes(async (request) => (await opening).runTool(request));
  // Looking for languages takes as long as opening the sandbox; both at once.
  const [factory, found] = await Promise.all([opening, detect(runtimes)]);
  await factory.useDetections(found);
  const natives = nativeRuntimes(limits);
  const detections = new Map([...found, ...[...natives].map(([name, native]) => [name, native.detection] as const)]);
  const pool = createPool({
    ...limits,
    log,
    start: factory.start,
    blanks: blanksFor(factory, options.slots),
  });
  pool.warmUp();
  const shared = openSharedFolders(options.folder);
  const byLanguage = new Map(runtimes.flatMap((runtime) => runtime.languages.map((name) => [name, runtime] as const)));
  return {
    isolation: factory.isolation,
    detections,
    run: async (request, io, signal) => {
      const native = natives.get(request.language);
      if (!native) return run({ request, io, signal }, { byLanguage, detections, pool, factory, limits, shared });
      return (await request.mayRun) === false ? notStarted() : native.run(request, io, signal);
    },
    forgetShared: (key) => shared.forget(key),
    lock: async (request, io, signal) => {
      if (natives.has(request.language)) return { status: "locked", lock: "" };
      const missing = whyMissing(request.language, byLanguage, detections);
      const runtime = byLanguage.get(request.language);
      if (missing !== null || runtime === undefined)
        return { status: "failed", error: missing ?? notSupported(request.language) };
      return runtime.lock(request, io, signal);
    },
    stats: () => pool.stats(),
    stop: async () => {
      await Promise.all(Array.from(natives.values(), (native) => native.stop()));
      await pool.stop();
      await factory.stop();
    },
  };
}

/** The languages that run in the worker itself. */
function nativeRuntimes(limits: ExecutorLimits): Map<Language, NativeRuntime> {
  const natives = [postgresqlRuntime(limits)];
  return new Map(natives.flatMap((native) => native.languages.map((name) => [name, native] as const)));
}

async function detect(runtimes: readonly LanguageRuntime[]): Promise<Map<Language, Detection>> {
  const found = await Promise.all(runtimes.map(async (runtime) => [runtime, await runtime.detect()] as const));
  return new Map(found.flatMap(([runtime, detection]) => runtime.languages.map((name) => [name, detection] as const)));
}

function blanksFor(factory: RunnerFactory, slots: number): Partial<Record<EngineName, number>> {
  const wanted: Partial<Record<EngineName, number>> = {};
  if (factory.has("bun")) wanted.bun = Math.min(slots, 4);
  if (factory.has("python")) wanted.python = 1;
  if (factory.has("bash")) wanted.bash = 1;
  return wanted;
}

interface Job {
  request: RunRequest;
  io: RunIo;
  signal: AbortSignal;
}

interface Parts {
  byLanguage: ReadonlyMap<Language, LanguageRuntime>;
  detections: ReadonlyMap<Language, Detection>;
  pool: Pool;
  factory: RunnerFactory;
  limits: ExecutorLimits;
  shared: SharedFolders;
}

async function run(job: Job, parts: Parts): Promise<RunOutcome> {
  const requestedAt = performance.timeOrigin + performance.now();
  const { request, io, signal } = job;
  const missing = whyMissing(request.language, parts.byLanguage, parts.detections);
  const runtime = parts.byLanguage.get(request.language);
  if (missing !== null || runtime === undefined) return refused("setup", missing ?? notSupported(request.language));
  let prepared: Prepared;
  let taken: { slot: Slot; kind: RunnerKind };
  let claim: Claim;
  try {
    prepared = await runtime.prepare(request, io, signal);
    claim = claimFor(request, prepared);
    if (!parts.factory.has(claim.engine)) return refused("setup", notSupported(claim.engine));
    taken = await parts.pool.take(claim);
  } catch (error) {
    if (signal.aborted)
      return refused("canceled", { name: "Canceled", message: "The job was canceled before it ran." });
    if (error instanceof PrepareFailure) return refused("error", error.jobError);
    return refused("setup", { name: "SetupError", message: error instanceof Error ? error.message : String(error) });
  }
  const { slot, kind } = taken;
  slot.jobs += 1;
  if (slot.memoryLimitMb !== request.memoryLimitMb) parts.factory.limitMemory(slot, request.memoryLimitMb);
  const shared = request.shared === undefined ? null : parts.shared.enter(slot, request.shared);
  const message = runMessage({
    entry: prepared.entry,
    entrypoint: request.entrypoint,
    preprocess: request.preprocess,
    parameters: prepared.parameters,
    env: environmentText(parts.factory, prepared, request.env),
    cwd: shared?.cwd ?? slot.work,
    resultLimit: parts.limits.resultBytes,
    held: request.mayRun !== undefined,
    args: request.args,
  });
  if (request.mayRun !== undefined) {
    slot.runner.write(message);
    if (!(await request.mayRun)) {
      slot.runner.write(drop);
      shared?.leave();
      parts.pool.giveBack(slot, claim);
      return notStarted();
    }
  }
  const outcome = await slot.runner.run({
    message: request.mayRun === undefined ? message : go,
    io,
    signal,
    timeoutMs: request.timeoutMs,
    memoryLimitMb: request.memoryLimitMb,
    requestedAt,
    kind,
  });
  shared?.leave();
  parts.pool.giveBack(slot, claim);
  return outcome.status === "failure" ? mapError(outcome, prepared.entry) : outcome;
}

const environments = new WeakMap<Prepared, string>();

/**
 * The whole environment of a job as JSON text. What is the same for all jobs of a script is written once; of equal names
 * the last counts.
 */
function environmentText(factory: RunnerFactory, prepared: Prepared, env: Record<string, string>): string {
  const known = environments.get(prepared) ?? openMembers({ ...factory.baseEnv, ...prepared.env });
  environments.set(prepared, known);
  const own = JSON.stringify(env);
  return own === "{}" ? `${known.slice(0, known.endsWith(",") ? -1 : undefined)}}` : known + own.slice(1);
}

/** `{"a":"b",`: the text of an object whose last members follow. */
function openMembers(members: Record<string, string>): string {
  const text = JSON.stringify(members);
  return text === "{}" ? "{" : `${text.slice(0, -1)},`;
}

/** Stacks of bundled code name the author's files and lines. */
async function mapError(outcome: RunOutcome & { status: "failure" }, entry: string): Promise<RunOutcome> {
  const { stack } = outcome.error;
  if (typeof stack !== "string" || !entry.endsWith(".mjs")) return outcome;
  return { ...outcome, error: { ...outcome.error, stack: await mapStack(stack, entry) } };
}

const engines: Partial<Record<Language, EngineName>> = {
  bun: "bun",
  nativets: "bun",
  bunnative: "bun",
  deno: "deno",
  python3: "python",
  bash: "bash",
};

function claimFor(request: RunRequest, prepared: Prepared): Claim {
  const { workspace, permissionedAs, environment, flowVersion } = request.domain;
  const code = flowVersion === undefined ? prepared.key : `flow ${flowVersion}`;
  const engine = prepared.engine ?? engines[request.language] ?? "bash";
  return {
    engine,
    domain: JSON.stringify([workspace, permissionedAs, environment, request.language, engine, code]),
    prepared,
    fresh: request.fresh,
  };
}

function whyMissing(
  language: Language,
  byLanguage: ReadonlyMap<Language, LanguageRuntime>,
  detections: ReadonlyMap<Language, Detection>,
): JobError | null {
  if (!byLanguage.has(language)) return notSupported(language);
  const detection = detections.get(language);
  if (detection === undefined || detection.available) return null;
  return { name: "MissingLanguage", message: `This worker cannot run ${language}: ${detection.install}` };
}

function notSupported(name: string): JobError {
  return { name: "MissingLanguage", message: `This worker cannot run ${name}.` };
}

function notStarted(): RunOutcome {
  return refused("canceled", { name: "Canceled", message: "The job was not started." });
}

function refused(reason: "setup" | "error" | "canceled", error: JobError): RunOutcome {
  return { status: "failure", reason, error, runner: "cold", startMs: 0, memPeakKb: 0 };
}
