const LONGEST = 2048;

/** An expression that could not be evaluated; the message is for its author. */
export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
  /** From 1, null if unknown. */
  readonly line: number | null;

  constructor(message: string, line: number | null = null) {
    super(message.length > LONGEST ? `${message.slice(0, LONGEST - 1)}…` : message);
    this.line = line;
  }
}
