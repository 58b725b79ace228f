import { nearest, ToolFailure } from "../failure.ts";
import type { Runnable } from "./runnable.ts";
import { mentionsResources } from "./schema.ts";
import { argumentsOf, showRunnable } from "./tool.ts";

type Arguments = Readonly<Record<string, unknown>>;
type Schema = Readonly<Record<string, unknown>>;

const tests: Record<string, (value: unknown) => boolean> = {
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  integer: (value) => Number.isInteger(value),
  boolean: (value) => typeof value === "boolean",
  array: Array.isArray,
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  null: (value) => value === null,
};

/** A variable or a resource stands for a value of any type. */
function isReference(value: unknown): boolean {
  return typeof value === "string" && /^\$(var|res):/.test(value);
}

function fits(value: unknown, { type, enum: choices }: Schema): boolean {
  const types = (Array.isArray(type) ? type : type === undefined ? [] : [type]) as string[];
  const isOfType = types.length === 0 || types.some((each) => tests[each]?.(value) ?? true);
  return isOfType && (!Array.isArray(choices) || choices.includes(value));
}

/** Some clients write everything as text: what its JSON would fit is taken for that. */
function plainValue(value: unknown, schema: Schema): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return fits(value, schema) ? value : undefined;
  }
}

function said(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}

function checked(name: string, value: unknown, schema: Schema): unknown {
  if (value === null || value === undefined || isReference(value) || fits(value, schema)) return value;
  const plain = plainValue(value, schema);
  if (plain !== undefined && fits(plain, schema)) return plain;
  throw new ToolFailure(
    `${name}: ${said(value)} does not fit`,
    `Expected ${name}: ${JSON.stringify(schema).slice(0, 600)}`,
  );
}

/**
 * The arguments of a run as its schema wants them.
 * @throws ToolFailure that names what is missing, not known or of another type, with what is expected
 */
export function checkArguments(runnable: Runnable, args: Arguments): Record<string, unknown> {
  if ("_ENTRYPOINT_OVERRIDE" in args)
    throw new ToolFailure("_ENTRYPOINT_OVERRIDE: another function than main cannot be chosen over MCP");
  const { inputSchema } = showRunnable(runnable, () => []);
  const properties = (inputSchema["properties"] ?? {}) as Record<string, Schema>;
  const own = argumentsOf(runnable);
  const accepted = new Set([...Object.keys(properties), ...own.values()]);
  const unknown = runnable.schema === null ? undefined : Object.keys(args).find((name) => !accepted.has(name));
  if (unknown !== undefined) {
    const meant = nearest(unknown, Object.keys(properties));
    const takes = Object.keys(properties).join(", ") || "no arguments";
    throw new ToolFailure(
      `${unknown}: ${runnable.path} takes no such argument`,
      meant ? `Did you mean ${meant}?` : `It takes: ${takes}.`,
    );
  }
  const required = (inputSchema["required"] ?? []) as string[];
  const missing = required.find((name) => args[name] === undefined && args[own.get(name) ?? name] === undefined);
  if (missing !== undefined) {
    throw new ToolFailure(
      `${missing}: is required by ${runnable.path}`,
      `Expected ${missing}: ${JSON.stringify(properties[missing])}`,
    );
  }
  const stored = ((runnable.schema as Schema | null)?.["properties"] ?? {}) as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(args).map(([name, value]) => {
      const schema = properties[name];
      // a resource may be named, or written out as an object
      const isFree = !schema || mentionsResources(stored[own.get(name) ?? name]);
      return [name, isFree ? value : checked(name, value, schema)];
    }),
  );
}
