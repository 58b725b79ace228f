/** An expression, read without being run. */
export interface Compiled {
  /**
   * - `literal`: always the same JSON value
   * - `path`: a walk from a name through own properties
   * - `script`: has to be run
   * - `invalid`: cannot be run, see `problems`
   */
  kind: "literal" | "path" | "script" | "invalid";
  /** JSON text of a `literal`. */
  literal: string | null;
  /** Of a `path`: the name and what follows it. */
  path: { root: string; keys: string[] } | null;
  /** Of a `path` or `script`: the body of an async function that returns the value. */
  body: string;
  /** Every name that is read and may come from outside. */
  roots: Root[];
  /** Steps named as `results.<id>`, with the place of the first mention. */
  steps: { id: string; line: number; column: number }[];
  problems: Problem[];
}

export interface Root {
  /** `results`, `flow_input`, `previous_result` … */
  name: string;
  /** The properties that are read of it; null = it is used in a way that may need all. */
  keys: string[] | null;
}

export interface Problem {
  message: string;
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
}
