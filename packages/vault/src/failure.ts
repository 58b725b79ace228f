/** A reference in arguments or in a resource cannot be resolved; the message is for the author of the job. */
export class InterpolationError extends Error {
  override readonly name = "InterpolationError";
}
