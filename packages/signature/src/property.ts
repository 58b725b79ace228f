import type { Typ, TypProperty } from "./typ.ts";

/** The schema of one property. An absent key and an undefined one mean the same. */
export type Property = { [key: string]: unknown };

/** Keys people set in the editor; the source never says them, so they outlive a new inference. */
// prettier-ignore
const ANNOTATIONS = [
  "description", "pattern", "min", "max", "currency", "currencyLocale", "multiselect", "customErrorMessage",
  "required", "showExpr", "password", "order", "dateFormat", "title", "placeholder",
];

// prettier-ignore
const ITEM_ANNOTATIONS = [
  "properties", "required", "additionalProperties", "enum", "resourceType", "contentEncoding", "description",
];

/** What a property is before anything is known of it. */
export function blank(): Property {
  return { description: "", type: "" };
}

/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is Property {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The schema of a type where `old` stood before. Undefined keys are left out. */
export function property(typ: Typ, old: Property): Property {
  const fresh = describe(typ, old);
  for (const key of ANNOTATIONS) if (old[key] !== undefined) fresh[key] = old[key];
  const kept = { ...old };
  const sameType = old["type"] === fresh["type"];
  if (sameType) settleFormat(kept, fresh);
  if (!(sameType && fresh["type"] === "string") && fresh["format"] === undefined) delete kept["format"];
  return withoutUndefined({ ...kept, ...fresh });
}

/** People may turn a date-time into a date and give plain strings a format; that sticks while the type stays. */
function settleFormat(kept: Property, fresh: Property): void {
  if (fresh["format"] === "date-time" && kept["format"] === "date") fresh["format"] = "date";
  else if (fresh["format"] === "date" || fresh["format"] === "date-time") fresh["format"] = kept["format"];
  else if (itemType(kept) !== itemType(fresh)) delete kept["items"];
  else if (fresh["type"] === "string" && (kept["format"] ?? null) !== null) fresh["format"] = kept["format"];
}

function describe(typ: Typ, old: Property): Property {
  if (typeof typ === "string") return describeSimple(typ, old);
  if ("str" in typ) return describeString(typ.str, old);
  if ("list" in typ) return describeList(typ.list, old);
  if ("resource" in typ) return { type: "object", format: `resource-${typ.resource}` };
  if ("dynselect" in typ) return { type: "object", format: `dynselect-${typ.dynselect}` };
  if ("dynmultiselect" in typ) return { type: "object", format: `dynmultiselect-${typ.dynmultiselect}` };
  if ("oneof" in typ) return { type: "object", oneOf: describeVariants(typ.oneof, old) };
  const { name, props } = typ.object;
  const format = name ? { format: `resource-${name}` } : {};
  return {
    type: "object",
    ...format,
    ...(props === null ? {} : { properties: describeProperties(props, old["properties"]) }),
  };
}

function describeSimple(typ: Extract<Typ, string>, old: Property): Property {
  switch (typ) {
    case "int":
      return { type: "integer" };
    case "float":
      return { type: "number" };
    case "bool":
      return { type: "boolean" };
    case "bytes":
      return { type: "string", contentEncoding: "base64", originalType: "bytes" };
    case "datetime":
      return { type: "string", format: "date-time" };
    case "unknown":
      return { type: old["type"] ?? "object" };
    default:
      return { type: "string", format: typ };
  }
}

function describeString(values: string[] | null, old: Property): Property {
  if (values !== null) return { type: "string", originalType: "enum", enum: values };
  const keepsEnum = old["originalType"] === "string" && Boolean(old["enum"]);
  return { type: "string", originalType: "string", enum: keepsEnum ? old["enum"] : undefined };
}

function describeList(item: Typ, old: Property): Property {
  const list = (originalType: string, items: Property): Property => {
    return { type: "array", items: withoutUndefined(items), originalType };
  };
  if (item === "int" || item === "float") return list("number[]", { type: "number" });
  if (item === "bytes") return list("bytes[]", { type: "string", contentEncoding: "base64" });
  if (typeof item === "string") return list("object[]", oldItems(old));
  if ("str" in item) {
    if (item.str !== null) return list("enum[]", { type: "string", enum: item.str });
    return list("string[]", { type: "string", enum: isRecord(old["items"]) ? old["items"]["enum"] : undefined });
  }
  if ("resource" in item && item.resource) return list("resource[]", { type: "resource", resourceType: item.resource });
  if (!("object" in item)) return list("object[]", oldItems(old));
  const { name, props } = item.object;
  const known = props !== null && props.length > 0;
  const items = known ? { type: "object", properties: describeProperties(props, undefined) } : oldItems(old);
  return { ...list("record[]", items), ...(name ? { format: `resource-${name}` } : {}) };
}

function oldItems(old: Property): Property {
  const items = isRecord(old["items"]) ? old["items"] : {};
  return { type: items["type"] || "object", ...Object.fromEntries(ITEM_ANNOTATIONS.map((key) => [key, items[key]])) };
}

function describeProperties(props: readonly TypProperty[], old: unknown): Property {
  const described = new Map<string, Property>();
  for (const { key, typ } of props) {
    const before = isRecord(old) && Object.hasOwn(old, key) ? (described.get(key) ?? old[key]) : undefined;
    described.set(key, property(typ, isRecord(before) ? before : blank()));
  }
  return Object.fromEntries(described);
}

function describeVariants(variants: Extract<Typ, { oneof: unknown }>["oneof"], old: Property): Property[] {
  const before = Array.isArray(old["oneOf"]) ? old["oneOf"].filter(isRecord) : [];
  return variants.map(({ label, properties }) => {
    const same = before.find((variant) => variant["title"] === label);
    const described = describeProperties(properties, same?.["properties"]);
    return withoutUndefined({
      type: "object",
      title: label,
      properties: described,
      order: same?.["order"] ?? undefined,
    });
  });
}

function itemType(schema: Property): unknown {
  return isRecord(schema["items"]) ? schema["items"]["type"] : undefined;
}

function withoutUndefined(record: Property): Property {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
