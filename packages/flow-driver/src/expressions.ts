/** Where an expression finds what it names. Only what it does name is asked for. */
export interface Names {
  /** JSON text behind a name such as `flow_input` or `previous_result`; `undefined` where there is no such name. */
  value(name: string): Promise<string | undefined>;
  /** JSON text of `results.<step>`, `null` as text where it has none. */
  result(step: string): Promise<string>;
  /** What `variable(path)` and `resource(path)` answer, JSON text; `null` = it does not exist or may not be read. */
  read(kind: "variable" | "resource", path: string): Promise<string | null>;
}

/** Works out the expressions of flows. */
export interface Expressions {
  /** The value as JSON text. @throws Error with what is wrong with the expression */
  value(expr: string, names: Names): Promise<string>;
  /** Whether it is true in the sense of JavaScript. @throws Error */
  truth(expr: string, names: Names): Promise<boolean>;
}
