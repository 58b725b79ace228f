import type { Completion } from "@towermill/queue";
import type { JobError, RunOutcome } from "@towermill/runtimes";

/** An error as the result of a job: `{error: {name, message, …}}`. */
export function errorResult(error: JobError): string {
  return JSON.stringify({ error });
}

type Ending = Pick<Completion, "status" | "result" | "labels">;

interface Marks {
  wm_labels?: unknown;
  wm_failure?: unknown;
  error?: unknown;
}

/**
 * What a result says about its own job: `wm_labels` become labels, `wm_failure` turns success into failure. Only
 * results that mention them are parsed; every other passes through as text.
 */
function readMarks(result: string): Ending {
  if (!result.includes('"wm_labels"') && !result.includes('"wm_failure"')) return { status: "success", result };
  const value: unknown = JSON.parse(result);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { status: "success", result };
  const marks = value as Marks;
  const labels = Array.isArray(marks.wm_labels) ? marks.wm_labels.filter((label) => typeof label === "string") : [];
  if (typeof marks.wm_failure !== "string") return { status: "success", result, labels };
  const error = marks.error ?? { name: "wm_failure", message: marks.wm_failure };
  return { status: "failure", result: JSON.stringify({ ...value, error }), labels };
}

/** Adds what was streamed: as `wm_stream` to an object, as the result itself where there is none. */
function withStream(result: string, streamed: string): string {
  if (streamed === "") return result;
  const trimmed = result.trim();
  if (trimmed === "null" || trimmed === "") return JSON.stringify(streamed);
  if (!trimmed.startsWith("{")) return result;
  const rest = trimmed.slice(1).trimStart();
  return `{"wm_stream":${JSON.stringify(streamed)}${rest.startsWith("}") ? "" : ","}${rest}`;
}

/** A run was lost through no fault of the job (the launcher died): the job goes back to the queue. */
export class RunLost extends Error {
  override readonly name = "RunLost";
}

/**
 * How a job ends, from how its run ended.
 * @throws RunLost when it did not end but was lost
 */
export function endingOf(outcome: RunOutcome, streamed: string): Ending {
  if (outcome.status === "success") return readMarks(withStream(outcome.result, streamed));
  if (outcome.reason === "setup" && outcome.error.name === "RunnerLost") throw new RunLost(outcome.error.message);
  return { status: outcome.reason === "canceled" ? "canceled" : "failure", result: errorResult(outcome.error) };
}
