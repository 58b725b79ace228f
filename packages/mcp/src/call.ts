/** What a tool call brings besides its arguments. */
export interface CallContext {
  /** Aborted when the client cancels or goes away. */
  signal: AbortSignal;
  /** Tells the client that work goes on; absent when it did not ask. */
  report?: ((message: string) => void) | undefined;
  /** How long to wait for a job, in milliseconds. */
  waitMs: number;
  /** The client asks for what takes longer by itself: the call need not wait for it. */
  asTask: boolean;
  /** Name and version of the client. */
  client: string;
  /** The client can put a question to its user. */
  canAsk: boolean;
  /**
   * Whether the person behind the client agreed to a call that destroys something: `ask` = a question has to go out
   * first, `yes` also where the client cannot ask.
   */
  agreed(question: Question): Promise<"yes" | "no" | "ask">;
  /** The answer that carries the question to the client. */
  ask(question: Question): Promise<AskedResult>;
}

export interface Question {
  text: string;
  /** What exactly would be done: an answer to another question does not count. */
  digest: string;
}

/** Opaque to everything but the protocol layer. */
export interface AskedResult {
  [key: string]: unknown;
  resultType: "input_required";
}
