import type { JobError, RunIo, RunOutcome, RunnerKind } from "../runtime.ts";
import type { Launched, LaunchEnd } from "../launcher/launcher.ts";
import { collectOutput, type JobOutput, type OutputLimits } from "./output.ts";
import { type GuestMessage, readFrames } from "./frames.ts";
import type { RunnerPipes } from "./pipes.ts";
import { watchMemory } from "./memory.ts";
import { exitError, lostError, memoryError, stoppedError } from "./outcome.ts";

export interface RunnerJob {
  /** What makes it run: {@link runMessage}, or `go` for a job that was sent ahead. */
  message: string;
  io: RunIo;
  signal: AbortSignal;
  timeoutMs: number;
  memoryLimitMb: number;
  requestedAt: number;
  kind: RunnerKind;
}

/** A process that answers jobs one after the other. */
export interface Runner {
  readonly launched: Launched;
  /** Sends a job ahead, or the word that it is not to run. */
  write(text: string): void;
  /** Runs one job. Never rejects: everything that can happen to the process is an outcome. */
  run(job: RunnerJob): Promise<RunOutcome>;
  /** Whether it can take another job. */
  usable(): boolean;
  /** Ends the process and everything below it. */
  kill(): Promise<void>;
}

interface Current {
  output: JobOutput;
  answered(message: GuestMessage, payload: Buffer): void;
  ended(end: LaunchEnd): void;
}

/** Makes a runner of a launched guest; resolves when the guest says that it is ready. */
export async function makeRunner(launched: Launched, pipes: RunnerPipes, limits: OutputLimits): Promise<Runner> {
  const state: RunnerState = { current: undefined, end: null, spent: false, discarded: false };
  let ready: () => void = () => undefined;
  const booted = new Promise<boolean>((resolve) => {
    ready = () => resolve(true);
    void launched.ended.then(() => resolve(false));
  });
  let said = "";
  pipes.onOutput((chunk) => {
    if (state.current !== undefined) state.current.output.push(chunk);
    else if (said.length < 2000) said += chunk.toString("utf8");
  });
  const read = readFrames((message, payload) => {
    if (message.kind === "ready") return ready();
    const { current } = state;
    pipes.afterOutput(() => current?.answered(message, payload));
  });
  pipes.onAnswer((chunk) => {
    try {
      read(chunk);
    } catch {
      state.spent = true;
      launched.kill();
    }
  });
  launched.opened();
  void launched.ended.then((end) => {
    state.end = end;
    state.current?.ended(end);
    // What it wrote last is still in the pipe; a turn of the event loop reads it before the job is settled.
    setTimeout(() => pipes.close(), 1000).unref();
  });
  if (!(await booted)) throw new Error(`A runner ended while it was starting. ${said.trim()}`.trim());
  return {
    launched,
    usable: () => state.end === null && !state.spent,
    kill: async () => {
      state.spent = true;
      state.discarded = true;
      launched.kill();
      await launched.ended;
      pipes.close();
    },
    write: (text) => pipes.write(text),
    run: (job) => runJob(job, { launched, pipes, limits, state }),
  };
}

interface RunnerState {
  current: Current | undefined;
  end: LaunchEnd | null;
  /** Takes no further job. */
  spent: boolean;
  /** Ended by the pool, not by what ran in it. */
  discarded: boolean;
}

interface RunnerParts {
  launched: Launched;
  pipes: RunnerPipes;
  limits: OutputLimits;
  state: RunnerState;
}

type Ending =
  { message: GuestMessage; payload: Buffer } | { end: LaunchEnd } | { stopped: "timeout" | "canceled" | "memory" };

async function runJob(job: RunnerJob, runner: RunnerParts): Promise<RunOutcome> {
  const { launched, pipes, state } = runner;
  const output = collectOutput(job.io, runner.limits);
  let settle: (ending: Ending) => void = () => undefined;
  const settled = new Promise<Ending>((resolve) => {
    settle = resolve;
  });
  state.current = {
    output,
    answered: (message, payload) => settle({ message, payload }),
    // An answer written just before the end is still in the pipe: it is read first.
    ended: (end) => void setTimeout(settle, 10, { end }),
  };
  if (state.end !== null) state.current.ended(state.end);
  const timer = setTimeout(() => settle({ stopped: "timeout" }), Math.min(job.timeoutMs, 2_147_483_647));
  const abort = (): void => settle({ stopped: "canceled" });
  job.signal.addEventListener("abort", abort, { once: true });
  const memory = watchMemory(launched.pid, job.memoryLimitMb, () => settle({ stopped: "memory" }));
  if (job.signal.aborted) abort();
  else pipes.write(job.message);
  const ending = await settled;
  clearTimeout(timer);
  memory.stop();
  job.signal.removeEventListener("abort", abort);
  const measure = measureJob(job, ending, memory.peakKb());
  const outcome = await conclude({ job, runner, output, ending });
  state.current = undefined;
  return { ...measure, ...outcome };
}

function measureJob(
  job: RunnerJob,
  ending: Ending,
  sampledKb: number,
): Pick<RunOutcome, "runner" | "startMs" | "memPeakKb"> {
  const message = "message" in ending ? ending.message : undefined;
  const startedAt = message?.startedAt ?? job.requestedAt;
  return {
    runner: job.kind,
    startMs: Math.max(0, startedAt - job.requestedAt),
    memPeakKb: Math.max(sampledKb, message?.peakKb ?? 0),
  };
}

type Conclusion =
  | { status: "success"; result: string; preprocessedArgs?: string }
  | { status: "failure"; reason: "error" | "exit" | "timeout" | "memory" | "canceled" | "setup"; error: JobError };

interface Concluding {
  job: RunnerJob;
  runner: RunnerParts;
  output: JobOutput;
  ending: Ending;
}

async function conclude({ job, runner, output, ending }: Concluding): Promise<Conclusion> {
  const { launched, pipes, state } = runner;
  const finish = async (): Promise<void> => {
    await pipes.drainOutput();
    output.end();
  };
  if ("stopped" in ending) {
    state.spent = true;
    launched.kill();
    await launched.ended;
    await finish();
    return { status: "failure", reason: ending.stopped, error: stoppedError(ending.stopped, job) };
  }
  if ("end" in ending) {
    await finish();
    if (ending.end.lost || state.discarded) return { status: "failure", reason: "setup", error: lostError() };
    if (ending.end.oomKills > 0) return { status: "failure", reason: "memory", error: memoryError(job) };
    return { status: "failure", reason: "exit", error: exitError(ending.end.code, output.lastLines(20)) };
  }
  const { message, payload } = ending;
  if (message.spent === true) state.spent = true;
  output.end();
  if (message.kind === "exited") {
    const code = message.code ?? 1;
    // 137 = SIGKILL, which nobody but the kernel sent: we kill runners, not what is in them.
    if (code === 137 && (await launched.countOomKills()) > 0) {
      state.spent = true;
      return { status: "failure", reason: "memory", error: memoryError(job) };
    }
    return { status: "failure", reason: "exit", error: exitError(code, output.lastLines(20)) };
  }
  if (message.kind === "success" && message.fromOutput === true) {
    return { status: "success", result: JSON.stringify(output.lastLine()) };
  }
  return readAnswer(message, payload) ?? forgedAnswer(state);
}

/** Longest text that is checked to be JSON before it is passed on; checking longer ones would hold up other jobs. */
const checkedBytes = 1 << 20;

/** `undefined` when the texts are no JSON: only a script that writes to our pipes by itself brings that about. */
function readAnswer(message: GuestMessage, payload: Buffer): Conclusion | undefined {
  const split = message.preprocessedBytes ?? 0;
  const result = payload.toString("utf8", split);
  const preprocessedArgs = payload.toString("utf8", 0, split);
  try {
    if (message.kind === "failure") return { status: "failure", reason: "error", error: readError(result) };
    if (payload.length <= checkedBytes) JSON.parse(result);
    if (split > 0) JSON.parse(preprocessedArgs);
  } catch {
    return undefined;
  }
  return split === 0 ? { status: "success", result } : { status: "success", result, preprocessedArgs };
}

function readError(text: string): JobError {
  const error = JSON.parse(text) as Partial<JobError> | null;
  if (typeof error?.name !== "string" || typeof error.message !== "string") throw new Error("no error object");
  return { ...error, name: error.name, message: error.message };
}

function forgedAnswer(state: RunnerState): Conclusion {
  state.spent = true;
  const error = { name: "ExecutionErr", message: "The job's process answered with what is no JSON." };
  return { status: "failure", reason: "exit", error };
}
