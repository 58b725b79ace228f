import { compile } from "./compile.ts";
import type { Compiled } from "./compiled.ts";
import { ExpressionError } from "./expression-error.ts";
import { inputText, textAt, type Inputs } from "./input.ts";
import type { HelperRequest } from "./message.ts";
import { ThreadPool } from "./thread-pool.ts";

export interface EvaluatorOptions {
  /** 2 if absent. */
  threads?: number;
  /** Memory of an engine, 64 if absent, never below 16. */
  memoryMb?: number;
  /** After this the engine is asked to stop, 2,000 if absent. */
  softMs?: number;
  /** After this its thread is ended, 3,000 if absent. */
  hardMs?: number;
}

export interface Evaluation {
  inputs: Inputs;
  /** Whose expression it is, such as the workspace: two of them never share an engine. */
  domain: string;
  /** Gives `true` or `false`. */
  predicate?: boolean;
  /** Fetches what `variable("path")` and the like ask for, as JSON text, with the rights of whoever runs the flow. */
  fetch?: (request: HelperRequest) => Promise<string>;
}

export interface Evaluator {
  /**
   * @returns JSON text; undefined and whatever has no JSON is `null`
   * @throws ExpressionError when the expression is wrong, throws, takes too long or too much memory
   */
  evaluate(expr: string, evaluation: Evaluation): Promise<string>;
  /** Ends all threads; what still runs fails. */
  close(): Promise<void>;
}

const MOST_ROUNDS = 20;

/** Evaluates the expressions of flows. Threads start when the first expression needs one. */
export function createEvaluator(options: EvaluatorOptions = {}): Evaluator {
  const { threads = 2, memoryMb = 64, softMs = 2000, hardMs = 3000 } = options;
  const pool = new ThreadPool({ threads, memoryMb, softMs, hardMs });
  return {
    async evaluate(expr, evaluation) {
      const compiled = compile(expr);
      const [problem] = compiled.problems;
      if (problem) throw new ExpressionError(`SyntaxError: ${problem.message}, column ${problem.column}`, problem.line);
      const ready = textOf(compiled, evaluation.inputs);
      if (ready !== undefined) return evaluation.predicate ? truthOf(ready) : ready;
      return run(pool, compiled, evaluation);
    },
    close: () => pool.close(),
  };
}

/** The value of what needs no engine. */
function textOf({ literal, path }: Compiled, inputs: Inputs): string | undefined {
  return literal ?? (path ? textAt(inputs, path) : undefined);
}

function truthOf(json: string): string {
  return String(!["null", "false", "0", "-0", '""'].includes(json.trim()));
}

async function run(pool: ThreadPool, compiled: Compiled, evaluation: Evaluation): Promise<string> {
  const { inputs, domain, predicate = false, fetch } = evaluation;
  const question = {
    domain,
    body: compiled.body,
    inputs: inputText(
      inputs,
      compiled.roots.map(({ name }) => name),
    ),
    predicate,
  };
  const answers = new Map<string, string>();
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const given = Array.from(answers, ([key, text]) => `${JSON.stringify(key)}:${text}`).join(",");
    const reply = await pool.ask({ ...question, answers: `{${given}}` });
    if (reply.type === "value") return reply.json;
    if (reply.type === "error") throw new ExpressionError(reply.message, reply.line);
    await Promise.all(
      reply.requests.map(async (request) => {
        if (fetch === undefined) throw new ExpressionError(`${request.kind}() cannot be used here`);
        answers.set(`${request.kind}:${request.argument}`, await fetch(request));
      }),
    );
  }
  throw new ExpressionError(
    `The expression asks for more than ${MOST_ROUNDS} variables or resources one after the other`,
  );
}
