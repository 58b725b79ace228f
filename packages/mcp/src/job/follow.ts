import type { Outcome } from "@towermill/queue";
import type { Host } from "../host.ts";
import { errorResult, previewResult, textResult, usualLimit, type ToolResult } from "../result.ts";
import { resultLink } from "./link.ts";

/** Longest a call waits for a job: below the hard limits of the clients that have one. */
export const longestWaitSeconds = 50;
export const usualWaitSeconds = 25;

/** Clients drop calls that stay silent. */
const silenceMs = 1500;

export interface Follow {
  id: string;
  timeoutMs: number;
  signal: AbortSignal;
  /** Told about once a second, and when something happens. */
  report?: ((message: string) => void) | undefined;
  /** The newest line of the job's log. */
  lastLine: () => Promise<string>;
}

/** Waits for the end of a job; `null` when the time is over or nobody waits any more. */
export async function followJob(host: Pick<Host, "bus" | "dispatcher">, follow: Follow): Promise<Outcome | null> {
  const { id, timeoutMs, signal, report } = follow;
  const waiting = host.dispatcher.waitFor(id, { timeoutMs, signal });
  if (!report) return waiting;
  const started = performance.now();
  let line = "";
  let asking = false;
  const tell = (): void =>
    report(`${Math.round((performance.now() - started) / 1000)} s${line === "" ? "" : `: ${line}`}`);
  const look = (ids: readonly string[]): void => {
    if (asking || !ids.includes(id)) return;
    asking = true;
    follow
      .lastLine()
      .then((found) => (line = found))
      .catch(() => undefined)
      .finally(() => {
        asking = false;
        tell();
      });
  };
  const stops = [host.bus.subscribe("logs", look), host.bus.subscribe("live", look)];
  const timer = setInterval(tell, silenceMs);
  try {
    return await waiting;
  } finally {
    clearInterval(timer);
    for (const stop of stops) stop();
  }
}

interface JobError {
  name?: string;
  message?: string;
  stack?: string;
}

function errorOf(result: unknown): JobError {
  const error = typeof result === "object" && result !== null ? (result as { error?: unknown }).error : undefined;
  return typeof error === "object" && error !== null ? (error as JobError) : {};
}

interface Ended {
  outcome: Outcome;
  workspace: string;
  logTail: string;
}

/** What came of a run: the result as it is; a failure with its message, the end of the log and what to do next. */
export function outcomeResult({ outcome, workspace, logTail }: Ended): ToolResult {
  const { id, status, result: text } = outcome;
  const result: unknown = JSON.parse(text);
  if (status === "success" || status === "skipped") {
    const link = resultLink(workspace, id);
    if (text.length <= usualLimit) return textResult(text, { job_id: id, status, result });
    const preview = previewResult(text, link);
    return { ...preview, structuredContent: { job_id: id, status, ...preview.structuredContent } };
  }
  const { name = "Error", message = text.slice(0, 2000) } = errorOf(result);
  const lines = [`Job ${id} ${status === "canceled" ? "was cancelled" : "failed"}: ${name}: ${message.slice(0, 4000)}`];
  if (logTail !== "") lines.push(`End of the log:\n${logTail}`);
  lines.push(`Next: getJob id=${id} shows its arguments and code, getJobLogs its whole log.`);
  return errorResult(lines.join("\n"));
}

/** A job that goes on: its id, and how to learn more. */
export function runningResult(id: string, status: "running" | "queued", logTail: string): ToolResult {
  const text = `Job ${id} is ${status === "queued" ? "waiting for a worker" : "still running"}. waitForJob id=${id} waits for it, cancelQueuedJob stops it.`;
  return textResult(logTail === "" ? text : `${text}\nLog so far:\n${logTail}`, {
    job_id: id,
    status,
    log_tail: logTail,
  });
}
