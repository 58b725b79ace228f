import type { ValidSignature } from "./signature.ts";
import { blank, isRecord, property, type Property } from "./property.ts";

/** The JSON Schema of a script's main function. Keys this package does not know (`order`, …) pass through. */
export type Schema = {
  properties: { [name: string]: Property };
  required: string[];
  [key: string]: unknown;
};

/** The schema of a script without arguments; also that of one that cannot be parsed. */
export function emptySchema(): Schema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: {},
    required: [],
  };
}

/**
 * The schema of a signature, merged with the schema the script had before: annotations made by people (descriptions,
 * formats, bounds, …) survive, properties of arguments that are gone do not. Equals what the official command line
 * writes into `*.script.yaml`. Never changes `previous`.
 */
export function schemaOf(signature: ValidSignature, previous?: unknown): Schema {
  const old = isRecord(previous) && Object.keys(previous).length > 0 ? structuredClone(previous) : emptySchema();
  const oldProperties = isRecord(old["properties"]) ? old["properties"] : {};
  const entries = new Map<string, Property>();
  const required = new Set<string>();
  for (const arg of signature.args) {
    const before =
      entries.get(arg.name) ?? (Object.hasOwn(oldProperties, arg.name) ? oldProperties[arg.name] : undefined);
    const next = property(arg.typ, isRecord(before) ? sortKeys(before) : blank());
    if (arg.otyp?.includes("[") === true && arg.otyp.includes("|")) next["originalType"] = arg.otyp;
    next["default"] = arg.default;
    entries.set(arg.name, next);
    if (!arg.hasDefault) required.add(arg.name);
  }
  return { ...old, properties: Object.fromEntries(entries), required: [...required] };
}

function sortKeys(record: Property): Property {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
