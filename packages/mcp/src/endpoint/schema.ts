import { z } from "zod";

/** A JSON Schema as data. */
export type Schema = { [key: string]: unknown };

export interface ObjectSchema extends Schema {
  type: "object";
  properties: Record<string, Schema>;
  required: string[];
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What only costs tokens: bounds that nobody meets, defaults of null, `$schema`. */
function isNoise(key: string, value: unknown): boolean {
  if (key === "$schema" || key === "propertyNames" || key === "pattern") return true;
  if (key === "default") return value === "" || value === null;
  if (key === "minLength") return value === 1;
  if (key === "minimum") return value === 0 || value === 1;
  if (key === "maximum") return typeof value === "number" && value >= 1000;
  if (key === "maxLength" || key === "maxItems") return true;
  return key === "additionalProperties" && (value === false || (isSchema(value) && Object.keys(value).length === 0));
}

/** `["string", "null"]` → `"string"`: a field that may be null may as well be left out. */
function plainType(type: unknown): unknown {
  if (!Array.isArray(type)) return type;
  const left = type.filter((each) => each !== "null");
  return left.length === 1 ? left[0] : left;
}

/** What was said once need not be said again: a module of a flow in all the places where one may stand. */
const worthSaying = 150;

/** Replaces repeated parts by the bare fact that they are objects. */
export function withoutRepeats(schema: Schema, seen: Set<string> = new Set()): Schema {
  const short: Schema = {};
  for (const [key, value] of Object.entries(schema)) {
    if (Array.isArray(value)) short[key] = value.map((each: unknown) => (isSchema(each) ? once(each, seen) : each));
    else short[key] = isSchema(value) ? once(value, seen) : value;
  }
  return short;
}

function once(schema: Schema, seen: Set<string>): Schema {
  const { description: _, ...shape } = schema;
  const text = JSON.stringify(shape);
  if (text.length > worthSaying && seen.has(text)) return { type: "object" };
  seen.add(text);
  return withoutRepeats(schema, seen);
}

function isFlag(schema: Schema): boolean {
  const values = schema["enum"];
  return Array.isArray(values) && values.length === 3 && ["true", "false", ""].every((value) => values.includes(value));
}

/** `anyOf: [X, null]` says no more to a caller than `X` that may be left out. */
function withoutNull(schema: Schema): Schema {
  const options = schema["anyOf"];
  if (!Array.isArray(options)) return schema;
  const left = options.filter((option): option is Schema => isSchema(option) && option["type"] !== "null");
  const [only] = left;
  const { anyOf: _, ...rest } = schema;
  return left.length === 1 && only ? { ...only, ...rest } : { ...rest, anyOf: left };
}

/** A schema as short as it can be said to a model: query flags become booleans, noise goes. */
export function compactSchema(schema: Schema): Schema {
  if (isFlag(schema)) return { type: "boolean" };
  const short: Schema = {};
  for (const [key, value] of Object.entries(withoutNull(schema))) {
    if (isNoise(key, value)) continue;
    if (key === "type") short[key] = plainType(value);
    else if (key === "properties" && isSchema(value)) {
      short[key] = Object.fromEntries(
        Object.entries(value).map(([name, each]) => [name, isSchema(each) ? compactSchema(each) : each]),
      );
    } else if (Array.isArray(value))
      short[key] = value.map((each: unknown) => (isSchema(each) ? compactSchema(each) : each));
    else short[key] = isSchema(value) ? compactSchema(value) : value;
  }
  return short;
}

function schemaOf(schema: z.ZodType, io: "input" | "output"): Schema {
  const made = z.toJSONSchema(schema, { io, unrepresentable: "any", target: "draft-2020-12" }) as Schema;
  return compactSchema(made);
}

/** The input schema of an object as an object schema whatever it is declared as. */
export function objectSchema(schema: z.ZodType): ObjectSchema {
  const made = schemaOf(schema, "input");
  const properties = isSchema(made["properties"]) ? (made["properties"] as Record<string, Schema>) : {};
  const required = Array.isArray(made["required"]) ? (made["required"] as string[]) : [];
  return { ...made, type: "object", properties, required };
}

const scalarTypes = new Set(["string", "number", "integer", "boolean"]);

/** Scalars by type (absent and null alike), everything deeper as "some object" or "some array". */
function outline(schema: Schema): Schema {
  const type = schema["type"];
  if (typeof type === "string" && scalarTypes.has(type))
    return { type: [type === "integer" ? "number" : type, "null"] };
  return {};
}

/** What a tool answers, always an object: lists under `items`, texts and single values under `result`. */
export function answerSchema(answer: z.ZodType, isText: boolean): Schema {
  const made = isText ? { type: "string" } : schemaOf(answer, "output");
  if (made["type"] === "array")
    return { type: "object", properties: { items: { type: "array" }, truncated: { type: "boolean" } } };
  const properties = made["properties"];
  if (made["type"] === "object" && isSchema(properties)) {
    const shown = Object.entries(properties).slice(0, 24);
    return {
      type: "object",
      properties: Object.fromEntries(shown.map(([name, each]) => [name, isSchema(each) ? outline(each) : {}])),
    };
  }
  return { type: "object", properties: { result: isText ? { type: "string" } : {} } };
}
