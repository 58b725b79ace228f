import type { Schema } from "../endpoint/schema.ts";

/** Paths of resources by type, that the caller may read. */
export type ResourcePaths = (type: string) => readonly string[];

/** Longer lists cost more tokens than they help. */
const mostResources = 8;

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function resourceTypeOf(schema: Schema): string | null {
  const { format, type, resourceType } = schema;
  if (typeof format === "string" && format.startsWith("resource-")) return format.slice("resource-".length);
  return type === "resource" && typeof resourceType === "string" ? resourceType : null;
}

function resourceSchema(type: string, resources: ResourcePaths, told: unknown): Schema {
  const paths = resources(type);
  const about = typeof told === "string" && told !== "" ? `${told} ` : "";
  if (paths.length === 0)
    return { type: "string", description: `${about}A resource of type ${type}, as $res:path; none exists yet.` };
  if (paths.length <= mostResources)
    return {
      type: "string",
      enum: paths.map((path) => `$res:${path}`),
      description: `${about}A resource of type ${type}`,
    };
  return {
    type: "string",
    description: `${about}A resource of type ${type}, as $res:path, e.g. $res:${paths[0] ?? ""}; listResource shows all.`,
  };
}

const simpleTypes = new Set(["string", "number", "integer", "boolean", "object", "array", "null"]);
const kept = [
  "title",
  "description",
  "default",
  "enum",
  "const",
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "pattern",
];

function typeOf(schema: Schema): unknown {
  const { type } = schema;
  if (typeof type === "string") return simpleTypes.has(type) ? type : undefined;
  if (Array.isArray(type))
    return type.every((each) => simpleTypes.has(String(each))) && type.length > 0 ? type : undefined;
  if (isSchema(schema["properties"])) return "object";
  return isSchema(schema["items"]) ? "array" : undefined;
}

function isWorthless(key: string, value: unknown): boolean {
  if (value === undefined || value === null || value === "") return true;
  if (key === "enum") return !Array.isArray(value) || value.length === 0;
  if (key === "pattern") return !isPattern(value);
  return ["minimum", "maximum", "minLength", "maxLength"].includes(key) && typeof value !== "number";
}

function isPattern(value: unknown): boolean {
  try {
    return typeof value === "string" && new RegExp(value, "u").source !== "";
  } catch {
    return false;
  }
}

/**
 * A stored argument schema as plain JSON Schema: what the platform's own forms add goes, invalid parts go, a resource
 * becomes a choice among those the caller may read.
 */
export function cleanSchema(schema: unknown, resources: ResourcePaths, depth = 0): Schema {
  if (!isSchema(schema) || depth > 12) return {};
  const resourceType = resourceTypeOf(schema);
  if (resourceType !== null) return resourceSchema(resourceType, resources, schema["description"]);
  const clean: Schema = {};
  const type = typeOf(schema);
  if (type !== undefined) clean["type"] = type;
  for (const key of kept) if (!isWorthless(key, schema[key])) clean[key] = schema[key];
  const { properties, items, oneOf, anyOf } = schema;
  if (isSchema(properties)) {
    clean["properties"] = Object.fromEntries(
      Object.entries(properties).map(([name, each]) => [name, cleanSchema(each, resources, depth + 1)]),
    );
    const required = Array.isArray(schema["required"])
      ? schema["required"].filter((name) => typeof name === "string" && name in properties)
      : [];
    if (required.length > 0) clean["required"] = required;
  }
  if (isSchema(items)) clean["items"] = cleanSchema(items, resources, depth + 1);
  const choices = [oneOf, anyOf].find((each) => Array.isArray(each) && each.length > 0);
  if (Array.isArray(choices)) clean["anyOf"] = choices.map((each) => cleanSchema(each, resources, depth + 1));
  return clean;
}

/** Whether what is shown depends on who asks. */
export function mentionsResources(schema: unknown, depth = 0): boolean {
  if (Array.isArray(schema)) return schema.some((each) => mentionsResources(each, depth + 1));
  if (!isSchema(schema) || depth > 24) return false;
  return resourceTypeOf(schema) !== null || Object.values(schema).some((each) => mentionsResources(each, depth + 1));
}

/** Argument names as clients accept them, and the way back: spaces become `_`, other marks go, equal ones are numbered. */
export function argumentNames(names: readonly string[]): ReadonlyMap<string, string> {
  const shown = new Map<string, string>();
  for (const name of [...names].sort((a, b) => Number(isPlain(b)) - Number(isPlain(a)))) {
    const base = isPlain(name)
      ? name
      : name
          .replaceAll(" ", "_")
          .replaceAll(/[^A-Za-z0-9_.-]/g, "")
          .slice(0, 60) || "argument";
    let free = base;
    for (let number = 2; shown.has(free); number += 1) free = `${base}_${number}`;
    shown.set(free, name);
  }
  return shown;
}

function isPlain(name: string): boolean {
  return /^[A-Za-z0-9_.-]{1,64}$/.test(name);
}
