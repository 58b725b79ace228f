import type { ArrayExpression, Expression, ObjectExpression } from "oxc-parser";
import { typOfValue, type Json, type Typ } from "../typ.ts";

/** A default that JSON can hold, with the type it suggests. */
export type Default = { value: Json; typ: Typ };

const NOTHING: Default = { value: null, typ: "unknown" };

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Half a surrogate pair is no character, and no database takes it. */
function wellFormed(value: string): string {
  return value.replace(LONE_SURROGATE, "\ufffd");
}

/** What an expression without side effects evaluates to; undefined where only running it would tell. */
type Evaluated = { value: Json } | undefined;

/**
 * The value of a parameter's default. Only literals count; within lists and objects also what can be computed from
 * literals. Everything else is null, and JavaScript applies it when the argument is absent.
 */
export function defaultOf(node: Expression): Default {
  switch (node.type) {
    case "Literal": {
      const { value } = node;
      if (typeof value === "bigint") return { value: Number(value), typ: "int" };
      if (typeof value === "number" && !Number.isFinite(value)) return NOTHING;
      if (value === null || value instanceof RegExp) return NOTHING;
      if (typeof value === "string") return { value: wellFormed(value), typ: { str: null } };
      return { value, typ: typOfValue(value, (number) => Number.isInteger(number) && Math.abs(number) < 2 ** 63) };
    }
    case "ArrayExpression":
    case "ObjectExpression": {
      const evaluated = evaluate(node);
      return evaluated === undefined ? NOTHING : { value: evaluated.value, typ: typOfValue(evaluated.value) };
    }
    default:
      return NOTHING;
  }
}

function evaluate(node: Expression): Evaluated {
  switch (node.type) {
    case "Literal":
      return evaluateLiteral(node.value);
    case "ArrayExpression":
      return evaluateList(node);
    case "ObjectExpression":
      return evaluateObject(node);
    case "ParenthesizedExpression":
      return evaluate(node.expression);
    case "Identifier":
      return ["undefined", "NaN", "Infinity"].includes(node.name) ? { value: null } : undefined;
    case "TemplateLiteral": {
      const [quasi] = node.quasis;
      return node.expressions.length === 0 && quasi ? { value: quasi.value.cooked } : undefined;
    }
    case "UnaryExpression":
      return evaluateUnary(node.operator, evaluate(node.argument));
    case "BinaryExpression": {
      if (node.left.type === "PrivateIdentifier") return undefined;
      return evaluateBinary(node.operator, evaluate(node.left), evaluate(node.right));
    }
    default:
      return undefined;
  }
}

function evaluateLiteral(value: unknown): Evaluated {
  if (typeof value === "bigint") return { value: Number(value) };
  if (typeof value === "number") return { value: Number.isFinite(value) ? value : null };
  if (typeof value === "string") return { value: wellFormed(value) };
  return value === null || typeof value === "boolean" ? { value } : undefined;
}

function evaluateList(node: ArrayExpression): Evaluated {
  const values: Json[] = [];
  for (const element of node.elements) {
    if (element === null) {
      values.push(null);
      continue;
    }
    const evaluated = evaluate(element.type === "SpreadElement" ? element.argument : element);
    if (evaluated === undefined) return undefined;
    if (element.type !== "SpreadElement") values.push(evaluated.value);
    else if (Array.isArray(evaluated.value)) values.push(...evaluated.value);
    else return undefined;
  }
  return { value: values };
}

function evaluateObject(node: ObjectExpression): Evaluated {
  const entries = new Map<string, Json>();
  for (const property of node.properties) {
    const evaluated = evaluate(property.type === "SpreadElement" ? property.argument : property.value);
    if (evaluated === undefined) return undefined;
    const { value } = evaluated;
    if (property.type === "SpreadElement") {
      if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
      for (const [key, inner] of Object.entries(value)) entries.set(key, inner);
      continue;
    }
    const key = property.computed ? evaluate(property.key as Expression)?.value : keyOf(property.key as Expression);
    if ((typeof key !== "string" && typeof key !== "number") || property.kind !== "init") return undefined;
    if (key !== "__proto__" || property.computed) entries.set(String(key), value);
  }
  return { value: Object.fromEntries(entries) };
}

function keyOf(node: Expression): string | number | null {
  if (node.type === "Identifier") return node.name;
  return node.type === "Literal" && (typeof node.value === "string" || typeof node.value === "number")
    ? node.value
    : null;
}

function evaluateUnary(operator: string, inner: Evaluated): Evaluated {
  if (inner === undefined) return undefined;
  const { value } = inner;
  if (operator === "void") return { value: null };
  if (operator === "!") return value === null ? undefined : { value: !value };
  if (typeof value !== "number") return undefined;
  if (operator === "-") return { value: value === 0 ? 0 : -value };
  return operator === "+" ? { value } : undefined;
}

function evaluateBinary(operator: string, left: Evaluated, right: Evaluated): Evaluated {
  const [a, b] = [left?.value, right?.value];
  if (typeof a === "string" && typeof b === "string" && operator === "+") return { value: a + b };
  if (typeof a !== "number" || typeof b !== "number") return undefined;
  const compute = ARITHMETIC.get(operator);
  if (compute === undefined) return undefined;
  const value = compute(a, b);
  return { value: Number.isFinite(value) ? value : null };
}

const ARITHMETIC = new Map<string, (a: number, b: number) => number>([
  ["+", (a, b) => a + b],
  ["-", (a, b) => a - b],
  ["*", (a, b) => a * b],
  ["/", (a, b) => a / b],
  ["%", (a, b) => a % b],
  ["**", (a, b) => a ** b],
]);
