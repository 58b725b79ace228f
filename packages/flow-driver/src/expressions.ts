import { compile, ExpressionError, type Evaluator, type HelperRequest } from "@towermill/expression";

/** Where an expression finds what it names. Only what it does name is asked for. */
export interface Names {
  /** Whose expressions they are: two workspaces never share an engine. */
  workspace: string;
  /** JSON text behind a name such as `flow_input` or `previous_result`; `undefined` where there is no such name. */
  value(name: string): Promise<string | undefined>;
  /** JSON text of `results.<step>`, `null` as text where it has none. */
  result(step: string): Promise<string>;
  /** The steps of the flow itself, for expressions that take `results` as a whole. */
  steps: readonly string[];
  /** What `variable(path)` and the like answer, JSON text; `null` = it does not exist or may not be read. */
  read(request: HelperRequest): Promise<string | null>;
  /** Values of the secrets that were read on the way. */
  secrets: ReadonlySet<string>;
}

/** The value of an expression as JSON text. @throws Error with what is wrong with the expression */
export async function valueOf(evaluator: Evaluator, expr: string, names: Names): Promise<string> {
  return evaluate(evaluator, expr, { names, predicate: false });
}

/** Whether an expression is true in the sense of JavaScript. @throws Error */
export async function truthOf(evaluator: Evaluator, expr: string, names: Names): Promise<boolean> {
  return (await evaluate(evaluator, expr, { names, predicate: true })) === "true";
}

async function evaluate(
  evaluator: Evaluator,
  expr: string,
  { names, predicate }: { names: Names; predicate: boolean },
): Promise<string> {
  const { roots, steps, problems } = compile(expr);
  const inputs: Record<string, string | Record<string, string>> = {};
  if (problems.length === 0) {
    await Promise.all(
      roots.map(async ({ name, keys }) => {
        const ids = keys === null ? new Set([...names.steps, ...steps.map(({ id }) => id)]) : keys;
        const input = name === "results" ? await resultsOf(names, ids) : await names.value(name);
        if (input !== undefined) inputs[name] = input;
      }),
    );
  }
  const fetch = async (request: HelperRequest): Promise<string> => {
    const answer = await names.read(request);
    if (answer === null)
      throw new ExpressionError(`${request.kind} ${request.argument} does not exist, or may not be read`);
    return answer;
  };
  return evaluator.evaluate(expr, { inputs, domain: names.workspace, predicate, fetch });
}

async function resultsOf(names: Names, ids: Iterable<string>): Promise<Record<string, string>> {
  return Object.fromEntries(await Promise.all(Array.from(ids, async (id) => [id, await names.result(id)] as const)));
}
