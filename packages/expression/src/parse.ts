import * as acorn from "acorn";
import type { Problem } from "./compiled.ts";

/** An expression as the parser sees it, or why it cannot. */
export type Parsed =
  { expression: acorn.Expression; body: string } | { program: acorn.Program; body: string } | { problem: Problem };

const LONGEST = 256 * 1024;
const options: acorn.Options = {
  ecmaVersion: 2023,
  locations: true,
  allowAwaitOutsideFunction: true,
  allowReturnOutsideFunction: true,
};

/**
 * Reads a single expression (a leading brace is an object) or else statements, whose value is what they return or the
 * expression they end with. Source: Windmill's flow expressions.
 */
export function parse(text: string): Parsed {
  if (text.length > LONGEST) return problemAt(`An expression cannot be longer than ${LONGEST} characters`);
  try {
    return parseWhole(text);
  } catch (error) {
    if (error instanceof RangeError) return problemAt("The expression is nested too deeply");
    throw error;
  }
}

function parseWhole(text: string): Parsed {
  const single = text.replace(/(?:\s*;)+\s*$/, "");
  const expression = attempt(() => parseExpression(single));
  if ("value" in expression) return { expression: expression.value, body: `return (${single}\n)` };
  const program = attempt(() => acorn.parse(text, options));
  if ("value" in program) return { program: program.value, body: bodyOf(text, program.value) };
  const { error } = expression.error.pos > program.error.pos ? expression : program;
  const { line, column } = error.loc;
  const message = error.message.replace(/ \(\d+:\d+\)$/, "");
  return { problem: { message, line, column: column + 1 } };
}

/** The text has to be one expression from its beginning to its end. */
function parseExpression(text: string): acorn.Expression {
  const expression = acorn.parseExpressionAt(text, 0, options);
  // in brackets the parser itself looks at what follows; `a)(b` would be read differently there
  const [statement] = acorn.parse(`(${text}\n)`, { ...options, locations: false }).body;
  if (statement?.type === "ExpressionStatement" && statement.expression.end === expression.end + 1) return expression;
  const rest = acorn.getLineInfo(text, expression.end);
  throw Object.assign(new SyntaxError("Unexpected text behind the expression"), { pos: expression.end, loc: rest });
}

function bodyOf(text: string, { body }: acorn.Program): string {
  const last = body.at(-1);
  if (last?.type !== "ExpressionStatement") return text;
  const end = last.end;
  return `${text.slice(0, last.start)}return (${text.slice(last.start, end).replace(/;\s*$/, "")}\n)${text.slice(end)}`;
}

interface Failure {
  message: string;
  pos: number;
  loc: { line: number; column: number };
}

function attempt<T>(parser: () => T): { value: T } | { error: Failure } {
  try {
    return { value: parser() };
  } catch (error) {
    if (error instanceof SyntaxError && "pos" in error && "loc" in error) return { error: failureOf(error) };
    throw error;
  }
}

function failureOf(error: SyntaxError & { pos: unknown; loc: unknown }): Failure {
  const { line, column } = error.loc as Failure["loc"];
  return { message: error.message, pos: Number(error.pos), loc: { line, column } };
}

function problemAt(message: string): { problem: Problem } {
  return { problem: { message, line: 1, column: 1 } };
}
