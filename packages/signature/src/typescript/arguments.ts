import type { BindingPattern, ParamPattern } from "oxc-parser";
import type { Argument } from "../signature.ts";
import { alternatives } from "./alternatives.ts";
import { defaultOf } from "./defaults.ts";
import { resolveType, type TypeScope } from "./types.ts";

/** The arguments a function takes, or null where one has no name a caller could use (`...rest`, `[a, b]`). */
export function argumentsOf(scope: TypeScope, params: readonly ParamPattern[]): Argument[] | null {
  const found: Argument[] = [];
  let anonymous = 0;
  for (const param of params) {
    const pattern = param.type === "TSParameterProperty" ? param.parameter : param;
    if (pattern.type === "RestElement") return null;
    const target = pattern.type === "AssignmentPattern" ? pattern.left : pattern;
    const name = target.type === "ObjectPattern" ? `anon${++anonymous}` : nameOf(target);
    if (name === null) return null;
    found.push(argumentOf(scope, { name, pattern, target }));
  }
  return found;
}

type Written = { name: string; pattern: BindingPattern; target: BindingPattern };

function argumentOf(scope: TypeScope, { name, pattern, target }: Written): Argument {
  const annotation = (target.typeAnnotation ?? pattern.typeAnnotation)?.typeAnnotation;
  const declared = annotation ? resolveType(scope, annotation) : null;
  const otyp = annotation ? alternatives(annotation) : null;
  const given = pattern.type === "AssignmentPattern" ? defaultOf(pattern.right) : null;
  const isUnknown = declared === null || declared.typ === "unknown";
  const optional = declared?.optional === true || isOptional(target) || isOptional(pattern);
  return {
    name,
    typ: isUnknown ? (given?.typ ?? "unknown") : declared.typ,
    ...(otyp === null ? {} : { otyp }),
    default: given?.value ?? null,
    hasDefault: given !== null || optional,
  };
}

/** `a?: string`; the types of the parser deny that a TypeScript parameter can have the mark. */
function isOptional(pattern: { optional?: boolean }): boolean {
  return pattern.optional === true;
}

function nameOf(pattern: BindingPattern): string | null {
  return pattern.type === "Identifier" ? pattern.name : null;
}
