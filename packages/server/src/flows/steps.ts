/** A step of a flow as it is stored; nothing of it can be relied on before it was looked at. */
export interface Step {
  /** Ids from the outermost step inwards: `["b", "c"]` for c in the body of b. */
  path: string[];
  module: Record<string, unknown>;
  value: Record<string, unknown>;
}

function objectOf(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

function* stepsIn(modules: unknown, above: readonly string[]): Generator<Step> {
  if (!Array.isArray(modules)) return;
  for (const each of modules as unknown[]) {
    const module = objectOf(each);
    const value = objectOf(module?.["value"]);
    if (!module || !value) continue;
    const path = [...above, typeof module["id"] === "string" ? module["id"] : ""];
    yield { path, module, value };
    yield* stepsIn(value["modules"], path);
    yield* stepsIn(value["default"], path);
    if (!Array.isArray(value["branches"])) continue;
    for (const branch of value["branches"] as unknown[]) yield* stepsIn(objectOf(branch)?.["modules"], path);
  }
}

/** All steps of a flow's value, those inside loops and branches too, its preprocessor first and its error handler last. */
export function* stepsOf(value: unknown): Generator<Step> {
  const flow = objectOf(value);
  if (!flow) return;
  yield* stepsIn([flow["preprocessor_module"]], []);
  yield* stepsIn(flow["modules"], []);
  yield* stepsIn([flow["failure_module"]], []);
}
