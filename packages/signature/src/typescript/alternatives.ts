import type { TSType } from "oxc-parser";

const KEYWORDS = new Map<TSType["type"], string>([
  ["TSStringKeyword", "string"],
  ["TSNumberKeyword", "number"],
  ["TSBigIntKeyword", "bigint"],
  ["TSBooleanKeyword", "boolean"],
  ["TSObjectKeyword", "object"],
  ["TSAnyKeyword", "any"],
]);

/** The text of `x | x[]` or `x[] | x`, null for other types: the form lets people choose between one and many. */
export function alternatives(type: TSType): string | null {
  const [first, second, third] = type.type === "TSUnionType" ? type.types : [];
  if (first === undefined || second === undefined || third !== undefined) return null;
  const [one, many] = second.type === "TSArrayType" ? [first, second] : [second, first];
  const name = nameOf(one);
  if (name === null || many.type !== "TSArrayType" || nameOf(many.elementType) !== name) return null;
  return one === first ? `${name} | ${name}[]` : `${name}[] | ${name}`;
}

function nameOf(type: TSType): string | null {
  if (type.type === "TSTypeReference") return type.typeName.type === "Identifier" ? type.typeName.name : null;
  return KEYWORDS.get(type.type) ?? null;
}
