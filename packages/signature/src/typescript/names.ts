import type { Typ } from "../typ.ts";

/** `CCustomerApi` as `c_customer_api`, `S3Object` as `s3_object`: the name of the resource type a type stands for. */
export function snakeCase(name: string): string {
  return name
    .replace(/(?<=[\p{Ll}\p{Nd}])(?=\p{Lu})/gu, "_")
    .replace(/(?<=\p{Lu})(?=\p{Lu}\p{Ll})/gu, "_")
    .split("_")
    .filter((word) => word !== "")
    .join("_")
    .toLowerCase();
}

const BUILT_IN = new Map<string, Typ>([
  ["Date", "datetime"],
  ["Base64", "bytes"],
  ["Email", "email"],
  ["Sql", "sql"],
]);

/** The type a name always means, whatever is declared; null for the others. */
export function builtInTyp(name: string): Typ | null {
  const known = BUILT_IN.get(name);
  if (known !== undefined) return known;
  if (name.startsWith("DynSelect_")) return { dynselect: name.slice("DynSelect_".length) };
  if (name.startsWith("DynMultiselect_")) return { dynmultiselect: name.slice("DynMultiselect_".length) };
  return null;
}
