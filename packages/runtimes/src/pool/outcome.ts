import type { JobError } from "../runtime.ts";

/** The words in which a job learns what happened to its process. Names are Windmill's (`ExecutionErr`, `Canceled`). */
export function exitError(code: number, lastLines: string): JobError {
  return { name: "ExecutionErr", message: `ExitCode: ${code}, last log lines:\n${lastLines}` };
}

export function memoryError(job: { memoryLimitMb: number }): JobError {
  return {
    name: "MemoryLimitExceeded",
    message: `The job used more than its memory limit of ${job.memoryLimitMb} MiB and was ended.`,
  };
}

/** The launcher, not the job, was at fault: the job can be run again. */
export function lostError(): JobError {
  return { name: "RunnerLost", message: "The process that runs jobs was lost while the job was running." };
}

export function stoppedError(
  reason: "timeout" | "canceled" | "memory",
  job: { timeoutMs: number; memoryLimitMb: number },
): JobError {
  if (reason === "memory") return memoryError(job);
  if (reason === "canceled") return { name: "Canceled", message: "The job was canceled while it was running." };
  return {
    name: "Timeout",
    message: `timeout after exceeding job-specific duration limit of ${job.timeoutMs / 1000} s`,
  };
}
