import type { SyntaxNode } from "@lezer/common";
import type { Json, Typ, TypProperty } from "../typ.ts";
import { decodeString } from "./string.ts";
import { asAttribute, children, parts, text, unwrap, type Piece } from "./tree.ts";

/** A default that JSON can hold, with the type it suggests. */
export type Literal = { value: Json; typ: Typ };

/** Stands for a default that is a call; the runner drops it, so that Python's own default applies. */
export const FUNCTION_CALL = "<function call>";

const NOTHING: Literal = { value: null, typ: "unknown" };

/** What `Class.MEMBER` stands for; a class that is no enumeration gives the member's own name. */
export type MemberValue = (className: string, member: string) => string;

/** The value of a default, or null for an expression that only Python can evaluate. */
export function literal(piece: Piece, node: SyntaxNode, member: MemberValue): Literal | null {
  const inner = unwrap(node);
  switch (inner.name) {
    case "None":
      return NOTHING;
    case "Boolean":
      return { value: text(piece, inner) === "True", typ: "bool" };
    case "Number":
      return number(text(piece, inner));
    case "String":
    case "ContinuedString":
      return string(piece, inner);
    case "Ellipsis":
      return { value: "...", typ: { str: null } };
    case "CallExpression":
      return { value: FUNCTION_CALL, typ: { str: null } };
    case "ArrayExpression":
      return list(piece, inner, member);
    case "DictionaryExpression":
      return dictionary(piece, inner, member);
    default: {
      const attribute = asAttribute(piece, inner);
      return attribute && { value: member(attribute.base, attribute.name), typ: { str: null } };
    }
  }
}

/** The text of a string literal, or null for bytes, formatted strings and anything else. */
export function stringLiteral(piece: Piece, node: SyntaxNode): string | null {
  const inner = unwrap(node);
  const found = inner.name === "String" || inner.name === "ContinuedString" ? string(piece, inner) : null;
  return typeof found?.value === "string" ? found.value : null;
}

function list(piece: Piece, node: SyntaxNode, member: MemberValue): Literal {
  const values = split(node).map((item) => {
    const [only, more] = item;
    return only === undefined || more !== undefined ? NOTHING : (literal(piece, only, member) ?? NOTHING);
  });
  return { value: values.map(({ value }) => value), typ: { list: values[0]?.typ ?? "unknown" } };
}

function dictionary(piece: Piece, node: SyntaxNode, member: MemberValue): Literal {
  const entries = new Map<string, Literal>();
  for (const item of split(node)) {
    const colon = item.findIndex(({ name }) => name === ":");
    const [key] = item;
    const value = item[colon + 1];
    const name = colon > 0 && key !== undefined ? stringLiteral(piece, key) : null;
    const known = colon > 0 && value !== undefined ? literal(piece, value, member) : null;
    entries.set(name ?? "no_key", known ?? NOTHING);
  }
  const props: TypProperty[] = [...entries].map(([key, { typ }]) => ({ key, typ }));
  const value = Object.fromEntries([...entries].map(([key, entry]) => [key, entry.value]));
  return { value, typ: { object: { name: null, props } } };
}

/** The items between the brackets of a display; an item may be more than one node (`*x`, `a: b`). */
function split(node: SyntaxNode): SyntaxNode[][] {
  const items: SyntaxNode[][] = [[]];
  for (const child of children(node).slice(1, -1)) {
    if (child.name === ",") items.push([]);
    else items.at(-1)?.push(child);
  }
  return items.filter((item) => item.length > 0);
}

function string(piece: Piece, node: SyntaxNode): Literal | null {
  const pieces = node.name === "String" ? [node] : parts(node);
  if (pieces.some(({ name }) => name !== "String")) return null;
  const decoded = pieces.map((part) => decodeString(text(piece, part)));
  if (!decoded.some(({ bytes }) => bytes)) {
    return { value: decoded.map((part) => part.value).join(""), typ: { str: null } };
  }
  const codes = decoded.flatMap((part) => [...part.value].map((char) => char.codePointAt(0) ?? 0));
  return { value: codes, typ: { list: codes.length === 0 ? "unknown" : "int" } };
}

function number(source: string): Literal {
  const digits = source.replaceAll("_", "").toLowerCase();
  if (digits.endsWith("j")) return { value: [0, Number(digits.slice(0, -1))], typ: { list: "float" } };
  if (/^(?:0[xob][0-9a-f]+|\d+)$/.test(digits)) {
    const value = digits.length > 400 ? Infinity : Number(digits);
    if (!Number.isFinite(value)) return NOTHING;
    return { value, typ: BigInt(digits) < 2n ** 63n ? "int" : "float" };
  }
  const value = Number(digits);
  return Number.isFinite(value) ? { value, typ: "float" } : NOTHING;
}
