import type { FlowModule, FlowValue } from "./flow-value.ts";
import { formProblems, nestsTooDeep } from "./form.ts";
import { nearest, type FlowProblem } from "./problem.ts";
import { expressionsOf, modulesIn, type Expression } from "./walk.ts";

/** What is known of an expression without running it. */
export interface CheckedExpression {
  problems: readonly { message: string; line: number; column: number }[];
  /** The steps whose results it reads. */
  steps: readonly { id: string; line: number; column: number }[];
}

export interface FlowCheck {
  /** Expressions are not looked at if absent. */
  compile?: (expr: string) => CheckedExpression;
}

const WORKSPACE_PATH = /^$|^(?:u|f|g|hub)\//;
const WORKFLOW_AS_CODE = /\bexport\s+(?:const\s+main\s*=|default)\s*workflow\s*\(|^\s*@workflow\b/m;

/**
 * What is wrong with a flow's value before it ever runs. Unknown fields are not: a flow may be written for a newer
 * server.
 */
export function validateFlow(value: unknown, { compile }: FlowCheck = {}): FlowProblem[] {
  if (nestsTooDeep(value))
    return [{ severity: "error", step: null, field: "modules", message: "Steps are nested more than 50 levels deep" }];
  const problems = formProblems(value);
  if (!isWellFormed(value, problems)) return problems;
  const modules = modulesIn(value);
  return [
    ...idProblems(value, modules),
    ...modules.flatMap(moduleProblems),
    ...specialProblems(value),
    ...(compile ? expressionProblems(value, { modules, compile }) : []),
  ];
}

function isWellFormed(value: unknown, problems: FlowProblem[]): value is FlowValue {
  return value !== undefined && problems.length === 0;
}

function idProblems(flow: FlowValue, modules: FlowModule[]): FlowProblem[] {
  const seen = new Set<string>();
  const problems: FlowProblem[] = [];
  for (const { id } of modules) {
    if (!id) continue;
    if (seen.has(id)) problems.push(error(id, "id", `Two steps have the id ${id}: give one of them another`));
    seen.add(id);
    if (id.endsWith("-v"))
      problems.push(error(id, "id", "Ids that end in -v are kept for the waiting step behind the last one"));
  }
  const special = [flow.failure_module, flow.preprocessor_module];
  for (const module of modules)
    if (!special.includes(module) && (module.id === "failure" || module.id === "preprocessor"))
      problems.push(error(module.id, "id", `The id ${module.id} is kept for the ${module.id} module`));
  if (flow.early_return && !seen.has(flow.early_return)) {
    const message = `There is no step ${flow.early_return}${didYouMean(flow.early_return, seen)}`;
    problems.push({ severity: "error", step: null, field: "early_return", message });
  }
  return problems;
}

function moduleProblems({ id, value, retry }: FlowModule): FlowProblem[] {
  const problems: FlowProblem[] = [];
  if ("path" in value && typeof value.path === "string" && !WORKSPACE_PATH.test(value.path)) {
    const message = `${JSON.stringify(value.path)} is not a workspace path: it must start with u/, f/, g/ or hub/`;
    problems.push(error(id, "value.path", message));
  }
  if ((retry?.exponential?.attempts ?? 0) > 0 && (retry?.exponential?.seconds ?? 0) === 0) {
    const message = "An exponential retry needs a base above 0: with 0 seconds it would not wait at all";
    problems.push(error(id, "retry.exponential.seconds", message));
  }
  if (value.type === "rawscript" && WORKFLOW_AS_CODE.test(value.content)) {
    const message =
      "A workflow as code cannot be a step of a flow yet: make its tasks steps, or keep it a script of its own";
    problems.push(error(id, "value.content", message));
  }
  return problems;
}

function specialProblems(flow: FlowValue): FlowProblem[] {
  return (["failure_module", "preprocessor_module"] as const).flatMap((field) => {
    const type = flow[field]?.value.type;
    if (type === undefined || type === "rawscript" || type === "script") return [];
    return [{ severity: "error", step: null, field, message: `It must be a script, not a ${type}` } as const];
  });
}

function expressionProblems(
  flow: FlowValue,
  { modules, compile }: { modules: FlowModule[]; compile: NonNullable<FlowCheck["compile"]> },
): FlowProblem[] {
  const ids = new Set(modules.flatMap(({ id }) => (id ? [id] : [])));
  const check = (step: string | null, { field, expr }: Expression): FlowProblem[] => {
    const { problems, steps } = compile(expr);
    return [
      ...problems.map((problem) => ({ severity: "error", step, field, ...problem }) as const),
      ...steps
        .filter(({ id }) => !ids.has(id))
        .map(({ id, line, column }): FlowProblem => {
          const message = `There is no step ${id}${didYouMean(id, ids)}`;
          return { severity: "warning", step, field, message, line, column };
        }),
    ];
  };
  const { skip_expr: expr } = flow;
  return [
    ...(expr?.trim() ? check(null, { field: "skip_expr", expr }) : []),
    ...modules.flatMap((module) => expressionsOf(module).flatMap((expression) => check(module.id || null, expression))),
  ];
}

function didYouMean(name: string, names: Iterable<string>): string {
  const near = nearest(name, names);
  return near === null ? "" : `: did you mean ${near}?`;
}

function error(step: string, field: string, message: string): FlowProblem {
  return { severity: "error", step: step || null, field, message };
}
