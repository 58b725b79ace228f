import type { TSSignature, TSType, TSTypeName, TSTypeReference } from "oxc-parser";
import type { Typ, TypProperty, TypVariant } from "../typ.ts";
import type { Declarations } from "./declarations.ts";
import { builtInTyp, snakeCase } from "./names.ts";

/** A type, and whether it admits undefined or null. */
export type Resolved = { typ: Typ; optional: boolean };

/**
 * The declarations to look names up in, and how many more may be followed: types can grow without end. `recursive`
 * holds the names found to contain themselves, `cut` those found since the outermost name was entered.
 */
export type TypeScope = { declarations: Declarations; budget: number; recursive: Set<string>; cut: Set<string> };

/** A scope to resolve the parameters of one function in, in their order. */
export function typeScope(declarations: Declarations): TypeScope {
  return { declarations, budget: TYPE_BUDGET, recursive: new Set(), cut: new Set() };
}

/** How many declared types one signature may follow before the rest is cut off. */
const TYPE_BUDGET = 20_000;

const KEYWORDS = new Map<TSType["type"], Typ>([
  ["TSStringKeyword", { str: null }],
  ["TSNumberKeyword", "float"],
  ["TSBigIntKeyword", "int"],
  ["TSBooleanKeyword", "bool"],
  ["TSObjectKeyword", { object: { name: null, props: [] } }],
]);

/** A type contains itself at most this often before it is cut off. */
const REPEATS = 2;

/** The type a TypeScript type stands for; `outer` are the declared names it is part of. */
export function resolveType(scope: TypeScope, node: TSType, outer: readonly string[] = []): Resolved {
  const keyword = KEYWORDS.get(node.type);
  if (keyword !== undefined) return required(keyword);
  switch (node.type) {
    case "TSParenthesizedType":
      return resolveType(scope, node.typeAnnotation, outer);
    case "TSArrayType":
      return required({ list: resolveType(scope, node.elementType, outer).typ });
    case "TSTypeLiteral":
      return required({ object: { name: null, props: properties(scope, node.members, outer) } });
    case "TSLiteralType": {
      const value = literalString(node);
      return required(value === null ? "unknown" : { str: [value] });
    }
    case "TSUnionType":
      return resolveUnion(scope, node.types, outer);
    case "TSTypeReference":
      return resolveReference(scope, node, outer);
    default:
      return required("unknown");
  }
}

function resolveUnion(scope: TypeScope, types: TSType[], outer: readonly string[]): Resolved {
  const [first, second] = types;
  if (first !== undefined && types.length === 1) return resolveType(scope, first, outer);
  if (first !== undefined && second !== undefined && types.length === 2) {
    if (isNothing(second)) return { typ: resolveType(scope, first, outer).typ, optional: true };
    if (isNothing(first)) return { typ: resolveType(scope, second, outer).typ, optional: true };
  }
  const stringy = types.every(
    (type) => type.type === "TSStringKeyword" || isNothing(type) || literalString(type) !== null,
  );
  if (stringy) {
    const values = types.map(literalString).filter((value) => value !== null);
    return { typ: { str: values }, optional: types.some(isNothing) };
  }
  const variants = types.map((type) => variant(scope, type, outer));
  const known = variants.filter((found) => found !== null);
  return required(known.length === variants.length ? { oneof: known } : "unknown");
}

/** A member of a tagged union: an object type written in place whose `label` or `kind` is a literal string. */
function variant(scope: TypeScope, type: TSType, outer: readonly string[]): TypVariant | null {
  if (type.type !== "TSTypeLiteral") return null;
  for (const member of type.members) {
    const key = keyOf(member);
    const value = member.type === "TSPropertySignature" ? member.typeAnnotation?.typeAnnotation : undefined;
    const label = value === undefined ? null : literalString(value);
    if ((key === "label" || key === "kind") && label !== null) {
      return { label, properties: properties(scope, type.members, outer) };
    }
  }
  return null;
}

function properties(scope: TypeScope, members: readonly TSSignature[], outer: readonly string[]): TypProperty[] {
  return members.flatMap((member) => {
    const key = keyOf(member);
    if (key === null || member.type !== "TSPropertySignature") return [];
    const annotation = member.typeAnnotation?.typeAnnotation;
    return [{ key, typ: annotation ? resolveType(scope, annotation, outer).typ : "unknown" }];
  });
}

function keyOf(member: TSSignature): string | null {
  if (member.type !== "TSPropertySignature" || member.computed || member.key.type !== "Identifier") return null;
  return member.key.name;
}

function resolveReference(scope: TypeScope, node: TSTypeReference, outer: readonly string[]): Resolved {
  const name = lastName(node.typeName);
  const builtIn = builtInTyp(name);
  if (builtIn !== null) return required(builtIn);
  if (name === "Resource") {
    const [argument] = node.typeArguments?.params ?? [];
    return required({ resource: (argument && literalString(argument)) ?? "unknown" });
  }
  if (!isDeclared(scope, name)) return required({ resource: snakeCase(name) });
  const repeats = outer.filter((before) => before === name).length;
  const known = outer.length > 0 && scope.recursive.has(name);
  if (known || repeats >= REPEATS || --scope.budget < 0) {
    scope.cut.add(name);
    return required({ object: { name: snakeCase(name), props: null } });
  }
  const found = resolveDeclared(scope, name, [...outer, name]);
  if (outer.length === 0) {
    for (const cut of scope.cut) scope.recursive.add(cut);
    scope.cut.clear();
  }
  return found;
}

function resolveDeclared(scope: TypeScope, name: string, outer: readonly string[]): Resolved {
  const alias = scope.declarations.aliases.get(name);
  if (alias === undefined) {
    return required({ object: { name: snakeCase(name), props: interfaceProperties(scope, name, outer) } });
  }
  const { typ, optional } = resolveType(scope, alias, outer);
  const isReference = alias.type === "TSTypeReference" && isDeclared(scope, lastName(alias.typeName));
  return { typ: isReference ? typ : nameAfter(typ, snakeCase(name)), optional };
}

/** An alias names the object it stands for, and renames the resource; also one that is the item of a list. */
function nameAfter(typ: Typ, name: string): Typ {
  if (typeof typ === "string") return typ;
  if ("list" in typ) return { list: nameAfter(typ.list, name) };
  if ("resource" in typ) return { resource: name };
  if ("object" in typ && typ.object.name === null) return { object: { name, props: typ.object.props } };
  return typ;
}

function interfaceProperties(
  scope: TypeScope,
  name: string,
  outer: readonly string[],
  seen: string[] = [],
): TypProperty[] {
  const declaration = scope.declarations.interfaces.get(name);
  if (declaration === undefined || seen.includes(name) || --scope.budget < 0) return [];
  const inherited = declaration.extends.flatMap(({ expression }) => {
    return expression.type === "Identifier" ? interfaceProperties(scope, expression.name, outer, [...seen, name]) : [];
  });
  return [...inherited, ...properties(scope, declaration.body.body, outer)];
}

function isDeclared({ declarations }: TypeScope, name: string): boolean {
  return declarations.aliases.has(name) || declarations.interfaces.has(name);
}

/** The last part of a qualified name: `RT.Slack` means the same as `Slack`. */
export function lastName(name: TSTypeName): string {
  if (name.type === "Identifier") return name.name;
  return name.type === "TSQualifiedName" ? name.right.name : "this";
}

function literalString(type: TSType): string | null {
  if (type.type !== "TSLiteralType" || type.literal.type !== "Literal") return null;
  return typeof type.literal.value === "string" ? type.literal.value : null;
}

function isNothing(type: TSType): boolean {
  return type.type === "TSUndefinedKeyword" || type.type === "TSNullKeyword";
}

function required(typ: Typ): Resolved {
  return { typ, optional: false };
}
