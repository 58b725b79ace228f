export { compile } from "./compile.ts";
export type { Compiled, Problem, Root } from "./compiled.ts";
export { createEvaluator } from "./evaluator.ts";
export type { Evaluation, Evaluator, EvaluatorOptions } from "./evaluator.ts";
export { ExpressionError } from "./expression-error.ts";
export type { Inputs } from "./input.ts";
export type { HelperRequest } from "./message.ts";
