/** What a thread is asked. */
export interface Question {
  id: number;
  /** Expressions of different domains never meet in one engine. */
  domain: string;
  /** Body of an async function. */
  body: string;
  /** JSON object of the names it reads. */
  inputs: string;
  /** JSON object of what `variable("x")` and the like gave, by `kind:argument`. */
  answers: string;
  predicate: boolean;
}

export interface HelperRequest {
  kind: "variable" | "resource" | "flow_user_state";
  argument: string;
}

/** What a thread says. */
export type Reply =
  | { type: "ready" }
  | { type: "value"; id: number; json: string }
  | { type: "requests"; id: number; requests: HelperRequest[] }
  /** `fatal`: the thread ends with it. */
  | { type: "error"; id: number; message: string; line: number | null; fatal: boolean };

export interface ThreadOptions {
  memoryMb: number;
  softMs: number;
}
