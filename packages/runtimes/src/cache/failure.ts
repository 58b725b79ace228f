import type { JobError } from "../runtime.ts";

/**
 * A script could not be made ready (or locked) for a reason its author must see: a syntax error, an import that does
 * not exist, a package no registry has. `jobError` is the result of the job.
 */
export class PrepareFailure extends Error {
  readonly jobError: JobError;

  constructor(jobError: JobError) {
    super(jobError.message);
    this.name = "PrepareFailure";
    this.jobError = jobError;
  }
}

/** Shorthand for a failure made of a name, a sentence and further fields of the job's error object. */
export function prepareFailure(name: string, message: string, extra: Record<string, unknown> = {}): PrepareFailure {
  return new PrepareFailure({ name, message, ...extra });
}
