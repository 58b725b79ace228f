import type { SyntaxNode } from "@lezer/common";
import type { Typ, TypProperty } from "../typ.ts";
import { stringLiteral } from "./literal.ts";
import { findClasses, PIECE_LIMIT } from "./source.ts";
import { asAttribute, asSubscript, children, parsePiece, parts, text, unwrap, type Piece } from "./tree.ts";

/** A top-level class as far as it matters here: a model has typed fields, an enumeration has string members. */
export type PythonClass =
  | { kind: "model"; fields: { name: string; annotation: SyntaxNode }[]; piece: Piece }
  | { kind: "enum"; members: Map<string, string> }
  | { kind: "other" };

/** Looks up the top-level classes of a file by name; each is parsed when it is first asked for. */
export type Classes = (name: string) => PythonClass;

const OTHER: PythonClass = { kind: "other" };

const DATACLASS = new Set(["dataclass", "dataclasses.dataclass"]);
const MODEL_BASES = new Set(["BaseModel", "pydantic.BaseModel"]);
const ENUM_BASES = new Set(["Enum", "StrEnum", "IntEnum"]);

const SCALARS = new Map<string, Typ>([
  ["str", { str: null }],
  ["int", "int"],
  ["float", "float"],
  ["bool", "bool"],
  ["bytes", "bytes"],
  ["datetime", "datetime"],
  ["date", "date"],
]);

/** All classes that one signature parses are together no longer than this, because hostile ones parse slowly. */
const CLASSES_LIMIT = 2 * PIECE_LIMIT;

/** The classes of a source; one that is past the limit counts as unknown. */
export function classesOf(source: string): Classes {
  const known = new Map<string, PythonClass>();
  let sources: Map<string, string> | null = null;
  let budget = CLASSES_LIMIT;
  return (name) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    sources ??= source.includes("class ") ? findClasses(source) : new Map();
    const piece = sources.get(name);
    budget -= piece?.length ?? 0;
    const found = piece === undefined || budget < 0 ? OTHER : readClass(parsePiece(piece));
    known.set(name, found);
    return found;
  };
}

function readClass(piece: Piece): PythonClass {
  const [statement] = parts(piece.top);
  if (statement === undefined) return OTHER;
  const definition = statement.name === "ClassDefinition" ? statement : statement.getChild("ClassDefinition");
  const body = definition?.getChild("Body");
  if (!definition || !body) return OTHER;
  const names = baseNames(piece, definition.getChild("ArgList"));
  const decorators = statement
    .getChildren("Decorator")
    .map((node) => text(piece, node).slice(1).split("(")[0]?.trim() ?? "");
  if (decorators.some((name) => DATACLASS.has(name)) || names.some((name) => MODEL_BASES.has(name))) {
    return { kind: "model", fields: fieldsOf(piece, body), piece };
  }
  if (!names.some((name) => ENUM_BASES.has(name))) return OTHER;
  const members = membersOf(piece, body);
  return members.size === 0 ? OTHER : { kind: "enum", members };
}

function baseNames(piece: Piece, list: SyntaxNode | null): string[] {
  return list === null ? [] : parts(list).map((node) => text(piece, node));
}

/** The assignments of a body, also those that share a line. */
function assignments(body: SyntaxNode): SyntaxNode[] {
  const groups = body.getChildren("StatementGroup").flatMap((group) => group.getChildren("AssignStatement"));
  return [...body.getChildren("AssignStatement"), ...groups];
}

function fieldsOf(piece: Piece, body: SyntaxNode): { name: string; annotation: SyntaxNode }[] {
  return assignments(body).flatMap((statement) => {
    const [target] = children(statement);
    const annotation = parts(statement.getChild("TypeDef") ?? statement)[0];
    if (target?.name !== "VariableName" || !statement.getChild("TypeDef") || annotation === undefined) return [];
    return [{ name: text(piece, target), annotation }];
  });
}

function membersOf(piece: Piece, body: SyntaxNode): Map<string, string> {
  const members = new Map<string, string>();
  for (const statement of assignments(body)) {
    const all = children(statement);
    const [target, assign] = all;
    const value = all.at(-1);
    if (target?.name !== "VariableName" || assign?.name !== "AssignOp" || value === undefined) continue;
    if (all.some(({ name }) => name === ",")) continue;
    const found = stringLiteral(piece, value);
    if (found !== null) members.set(text(piece, target), found);
  }
  return members;
}

/**
 * The type of a model, `outer` being the models it stands in: one that contains itself, or has no fields, has unknown
 * properties.
 */
export function modelTyp(name: string, classes: Classes, outer: readonly string[] = []): Typ | null {
  const found = classes(name);
  if (found.kind !== "model") return null;
  const object = (props: TypProperty[] | null): Typ => ({ object: { name, props } });
  if (outer.includes(name) || outer.length > 8 || found.fields.length === 0) return object(null);
  const scope = { piece: found.piece, classes, outer: [...outer, name] };
  return object(found.fields.map((field) => ({ key: field.name, typ: fieldTyp(scope, field.annotation) })));
}

type FieldScope = { piece: Piece; classes: Classes; outer: readonly string[] };

/** Annotations of fields say less than those of parameters: enumerations, unions and resources are unknown here. */
function fieldTyp(scope: FieldScope, node: SyntaxNode): Typ {
  const inner = unwrap(node);
  if (inner.name === "VariableName") {
    const name = text(scope.piece, inner);
    return SCALARS.get(name) ?? modelTyp(name, scope.classes, scope.outer) ?? "unknown";
  }
  const subscript = asSubscript(inner);
  const [item] = subscript?.items ?? [];
  if (subscript === null || item === undefined || asAttribute(scope.piece, subscript.base) !== null) return "unknown";
  switch (text(scope.piece, subscript.base)) {
    case "list":
    case "List":
      return { list: subscript.many ? "unknown" : fieldTyp(scope, item) };
    case "Optional":
      return subscript.many ? "unknown" : fieldTyp(scope, item);
    case "dict":
    case "Dict":
      return { object: { name: null, props: [] } };
    case "Annotated":
      return subscript.many ? fieldTyp(scope, item) : "unknown";
    default:
      return "unknown";
  }
}
