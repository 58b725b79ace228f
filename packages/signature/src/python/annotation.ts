import type { SyntaxNode } from "@lezer/common";
import type { Typ } from "../typ.ts";
import { modelTyp, type Classes } from "./classes.ts";
import { stringLiteral } from "./literal.ts";
import { asAttribute, asSubscript, parts, text, unwrap, type Piece } from "./tree.ts";

/** A parameter's type; `optional` when it admits None, `otyp` its text where a form can offer both alternatives. */
export type Annotation = { typ: Typ; optional: boolean; otyp?: string };

type Scope = { piece: Piece; classes: Classes };

const NAMES = new Map<string, Typ>([
  ["str", { str: null }],
  ["int", "int"],
  ["float", "float"],
  ["bool", "bool"],
  ["bytes", "bytes"],
  ["datetime", "datetime"],
  ["date", "date"],
  ["dict", { object: { name: null, props: [] } }],
  ["list", { list: "unknown" }],
  ["Sql", "sql"],
  ["sql", "sql"],
  ["S3Object", { resource: "s3_object" }],
]);

/** The type a parameter's annotation stands for; what has no type of its own is a resource of that name. */
export function annotationOf(scope: Scope, node: SyntaxNode): Annotation {
  const resolved = resolve(scope, node);
  const typ = settle(scope, resolved.typ);
  const otyp = alternatives(scope.piece, node);
  return { typ, optional: resolved.optional, ...(otyp === null ? {} : { otyp }) };
}

/** Only at the top a list of unknown items is one of strings, and an enumeration shows its values. */
export function settle({ classes }: { classes: Classes }, typ: Typ): Typ {
  if (typeof typ === "string") return typ;
  if ("list" in typ && typ.list === "unknown") return { list: { str: null } };
  if (!("resource" in typ)) return typ;
  const found = classes(typ.resource);
  return found.kind === "enum" ? { str: [...found.members.values()] } : typ;
}

function resolve(scope: Scope, node: SyntaxNode): Annotation {
  const inner = unwrap(node);
  if (inner.name === "VariableName") return plain(named(scope, text(scope.piece, inner)));
  if (inner.name === "BinaryExpression") {
    const [left, operator, right] = parts(inner);
    const isUnion = left !== undefined && operator !== undefined && text(scope.piece, operator) === "|";
    if (!isUnion || right?.name !== "None") return plain("unknown");
    return { typ: resolve(scope, left).typ, optional: true };
  }
  const attribute = asAttribute(scope.piece, inner);
  if (attribute !== null) return plain(qualified(scope, attribute));
  return resolveSubscript(scope, inner);
}

function resolveSubscript(scope: Scope, node: SyntaxNode): Annotation {
  const subscript = asSubscript(node);
  const [item] = subscript?.items ?? [];
  if (subscript?.base.name !== "VariableName" || item === undefined) return plain("unknown");
  const inner = (): Typ => (subscript.many ? "unknown" : resolve(scope, item).typ);
  switch (text(scope.piece, subscript.base)) {
    case "Optional":
      return { typ: inner(), optional: true };
    case "list":
    case "List":
      return plain({ list: inner() });
    case "Literal": {
      const values = subscript.items
        .map((value) => stringLiteral(scope.piece, value))
        .filter((value) => value !== null);
      return plain({ str: subscript.many && values.length > 0 ? values : null });
    }
    default:
      return plain("unknown");
  }
}

function named({ classes }: Scope, name: string): Typ {
  const known = NAMES.get(name);
  if (known !== undefined) return known;
  if (name.startsWith("DynSelect_")) return { dynselect: name.slice("DynSelect_".length) };
  if (name.startsWith("DynMultiselect_")) return { dynmultiselect: name.slice("DynMultiselect_".length) };
  return modelTyp(name, classes) ?? { resource: name };
}

function qualified(scope: Scope, { base, name }: { base: string; name: string }): Typ {
  if (base === "wmill") return named(scope, name);
  return base === "datetime" && (name === "datetime" || name === "date") ? name : "unknown";
}

/** `x | list[x]` and `list[x] | x`: the form lets people choose between one and many. */
function alternatives(piece: Piece, node: SyntaxNode): string | null {
  if (node.name !== "BinaryExpression") return null;
  const [left, operator, right] = parts(node);
  if (left === undefined || right === undefined || operator === undefined || text(piece, operator) !== "|") return null;
  const [one, many] = left.name === "VariableName" ? [left, right] : [right, left];
  const list = asSubscript(many);
  if (one.name !== "VariableName" || list === null || list.many || !/^[lL]ist$/.test(text(piece, list.base)))
    return null;
  const name = text(piece, one);
  const [item] = list.items;
  if (item?.name !== "VariableName" || text(piece, item) !== name) return null;
  return one === left ? `${name} | list[${name}]` : `list[${name}] | ${name}`;
}

function plain(typ: Typ): Annotation {
  return { typ, optional: false };
}
