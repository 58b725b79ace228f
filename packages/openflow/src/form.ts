import type { z } from "zod";
import type { FlowProblem } from "./problem.ts";
import { flowValue } from "./schema.ts";

const DEEPEST = 50;
const KINDS = "rawscript, script, flow, forloopflow, whileloopflow, branchone, branchall or identity";
/** Kinds that exist in Windmill, and why they are refused. */
const REFUSED: Record<string, string> = {
  aiagent: "AI agent steps are not supported yet: call the model from a script step",
  flowscript: "A flowscript is how a server stores a rawscript: send the rawscript itself",
};

/** What is wrong with the form of a flow: missing fields and wrong types. */
export function formProblems(value: unknown): FlowProblem[] {
  const parsed = flowValue.safeParse(value);
  if (parsed.success) return [];
  return parsed.error.issues.map((issue) => problemOf(value, issue));
}

/** Found without recursion, as what follows recurs. */
export function nestsTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) return true;
    level = level.flatMap((flow) => modulesOf(flow).flatMap((module) => bodiesOf(field(module, "value"))));
  }
  return false;
}

function modulesOf(flow: unknown): unknown[] {
  return [...arrayOf(field(flow, "modules")), field(flow, "failure_module"), field(flow, "preprocessor_module")];
}

function bodiesOf(value: unknown): unknown[] {
  const bodies = [...arrayOf(field(value, "branches"))];
  if (Array.isArray(field(value, "modules"))) bodies.push({ modules: field(value, "modules") });
  if (Array.isArray(field(value, "default"))) bodies.push({ modules: field(value, "default") });
  return bodies;
}

function problemOf(flow: unknown, issue: z.core.$ZodIssue): FlowProblem {
  const { step, path, parent } = locate(flow, issue.path);
  return { severity: "error", step, field: path.join("."), message: sentenceFor(issue, parent) };
}

function sentenceFor(issue: z.core.$ZodIssue, parent: unknown): string {
  if (issue.code !== "invalid_union" || issue.path.at(-1) !== "type") return issue.message;
  const type = field(parent, "type");
  if (typeof type === "string" && Object.hasOwn(REFUSED, type)) return String(REFUSED[type]);
  const kinds = issue.path.at(-2) === "value" ? KINDS : "static or javascript";
  return type === undefined ? `It is missing: ${kinds}` : `${JSON.stringify(type)} is not one of ${kinds}`;
}

/** Follows a path, and begins it anew at each step it comes through. */
function locate(flow: unknown, path: readonly PropertyKey[]): { step: string | null; path: string[]; parent: unknown } {
  let step: string | null = null;
  let from = 0;
  let here = flow;
  let parent: unknown;
  for (const [index, key] of path.entries()) {
    parent = here;
    here = field(here, key);
    const id = field(here, "id");
    if (typeof id === "string" && id !== "" && isModuleKey(path, index)) [step, from] = [id, index + 1];
  }
  return { step, path: path.slice(from).map(String), parent };
}

function isModuleKey(path: readonly PropertyKey[], index: number): boolean {
  const key = path[index];
  if (typeof key === "number") return path[index - 1] === "modules" || path[index - 1] === "default";
  return key === "failure_module" || key === "preprocessor_module";
}

function field(value: unknown, key: PropertyKey): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}

function arrayOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
