import { type Call, callScript } from "./call.ts";
import { describeError } from "./failure.ts";
import { followJobToken } from "./job-token.ts";
import { openGuestPipes } from "./pipes.ts";
import { prepareReset, watchProcesses } from "./reset.ts";

interface Job extends Call {
  env: Record<string, string>;
  cwd: string;
  resultLimit: number;
  held?: boolean;
}

const guestFile = import.meta.filename ?? "javascript.mjs";
const pipes = openGuestPipes();

/** Set while a job runs: an error that nobody caught ends that job and this process. */
let fail: ((error: unknown) => void) | undefined;
const uncaught = (error: unknown): void => {
  if (fail === undefined) throw error;
  fail(error);
};
process.on("uncaughtException", uncaught);
process.on("unhandledRejection", uncaught);

const useJobToken = followJobToken();
const reset = prepareReset(process.env["TOWERMILL_OWN_TMP"] === "1");
const leftProcessesBehind = watchProcesses();

await rehearse();
pipes.send({ kind: "ready" }, []);
for (;;) {
  // here and not at the end of a job: what it still has to do is done before
  reset.after();
  const { header, payload } = pipes.receive();
  await runJob(header as unknown as Job, payload.toString("utf8"), pipes.send);
}

/** Runs a job that does nothing, so that the first real one finds everything loaded: a third of its time. */
async function rehearse(): Promise<void> {
  const entry = new URL("./rehearsal.mjs", import.meta.url).pathname;
  const env = Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, value ?? ""]));
  const job = {
    entry,
    entrypoint: "main",
    preprocess: false,
    parameters: [],
    env,
    cwd: process.cwd(),
    resultLimit: 100,
  };
  await runJob(job, "{}", () => undefined);
}

async function runJob(job: Job, args: string, send: Send): Promise<void> {
  reset.before(job.env, job.cwd);
  if (job.held && !pipes.mayGo()) return;
  useJobToken(job.env["WM_TOKEN"]);
  let startedAt = 0;
  const started = (): void => {
    startedAt = performance.timeOrigin + performance.now();
  };
  let crashed = false;
  const crash = new Promise<never>((_, reject) => {
    fail = (error) => {
      crashed = true;
      reject(error instanceof Error ? error : new Error(String(error)));
    };
  });
  crash.catch(() => undefined);
  try {
    const { result, preprocessed } = await Promise.race([callScript(job, args, started), crash]);
    const texts = preprocessed === undefined ? [Buffer.from(result)] : [Buffer.from(preprocessed), Buffer.from(result)];
    const last = texts.at(-1)?.length ?? 0;
    if (last > job.resultLimit) throw tooLarge(last, job.resultLimit);
    const more = preprocessed === undefined ? {} : { preprocessedBytes: texts[0]?.length };
    answer(send, { kind: "success", startedAt, ...more }, texts);
  } catch (error) {
    const text = JSON.stringify(describeError(error, guestFile));
    const more = { startedAt: startedAt || undefined, spent: crashed || undefined };
    answer(send, { kind: "failure", ...more }, [Buffer.from(text)]);
  }
  fail = undefined;
}

type Send = (header: object, payload: readonly Uint8Array[]) => void;

function answer(send: Send, message: object, payload: readonly Uint8Array[]): void {
  const spent = leftProcessesBehind() ? { spent: true } : {};
  send({ peakKb: peakKb(), ...message, ...spent }, payload);
}

function peakKb(): number {
  return process.resourceUsage().maxRSS;
}

function tooLarge(bytes: number, limit: number): Error {
  const megabytes = (count: number): string => (count / 1048576).toFixed(1);
  return new Error(`The result is ${megabytes(bytes)} MiB of JSON; the limit is ${megabytes(limit)} MiB.`);
}
