import type { SyntaxNode } from "@lezer/common";
import {
  libSignature,
  parameterKind,
  type Argument,
  type LanguageParser,
  type Parameter,
  type Signature,
} from "../signature.ts";
import { annotationOf, settle } from "./annotation.ts";
import { classesOf, type Classes } from "./classes.ts";
import { describedParameters } from "./docstring.ts";
import { importsOf } from "./imports.ts";
import { literal } from "./literal.ts";
import { readFunction, type WrittenFunction, type WrittenParameter } from "./parameters.ts";
import { findFunction } from "./source.ts";
import { unwrap } from "./tree.ts";

/** A workflow as code: some function is decorated `@workflow` in a file that imports wmill. */
function isWorkflow(source: string): boolean {
  return /^[ \t]*@workflow/m.test(source) && /^[ \t]*(?:import|from) wmill/m.test(source);
}

function signature(content: string, entrypoint: string): Signature {
  const hasPreprocessor = findFunction(content, "preprocessor") !== null;
  const written = readFunction(content, entrypoint);
  const autoKind = isWorkflow(content) ? "wac" : null;
  if (written === null) return { ...libSignature(hasPreprocessor), autoKind: autoKind ?? "lib" };
  if ("invalid" in written) return { valid: false, reason: written.invalid };
  const { parameters } = written;
  const classes = classesOf(content);
  // The official parser drops parameters that can only be passed one way, so they are not in the schema.
  const args = parameters
    .filter(({ star, passing }) => star === 0 && passing === "either")
    .map((parameter) => readArgument({ written, classes }, parameter));
  const described = describedParameters(content, written.head.close ?? 0, new Set(args.map(({ name }) => name)));
  return {
    valid: true,
    args: args.map((arg) => withDescription(arg, described.get(arg.name))),
    autoKind,
    hasMain: true,
    hasPreprocessor,
    starArgs: parameters.some(({ star }) => star === 1),
    starKwargs: parameters.some(({ star }) => star === 2),
  };
}

function withDescription(arg: Argument, described: string | undefined): Argument {
  return arg.otyp !== undefined || described === undefined ? arg : { ...arg, otyp: described };
}

type Scope = { written: WrittenFunction; classes: Classes };

function readArgument({ written: { piece }, classes }: Scope, parameter: WrittenParameter): Argument {
  const { name, annotation, fallback } = parameter;
  const declared = annotation === null ? null : annotationOf({ piece, classes }, annotation);
  const member = (className: string, key: string): string => {
    const found = classes(className);
    return (found.kind === "enum" ? found.members.get(key) : undefined) ?? key;
  };
  const value = fallback === null ? null : literal(piece, fallback, member);
  const suggested = fallback === null || value === null || isCall(fallback) ? "unknown" : value.typ;
  const typ = declared === null || declared.typ === "unknown" ? settle({ classes }, suggested) : declared.typ;
  return {
    name,
    typ,
    ...(declared?.otyp === undefined ? {} : { otyp: declared.otyp }),
    default: value?.value ?? null,
    hasDefault: value !== null || declared?.optional === true,
  };
}

function isCall(node: SyntaxNode): boolean {
  return unwrap(node).name === "CallExpression";
}

function parametersOf(content: string, entrypoint: string): Parameter[] | null {
  const written = readFunction(content, entrypoint);
  if (written === null || "invalid" in written) return null;
  const classes = classesOf(content);
  return written.parameters
    .filter(({ star }) => star === 0)
    .map((parameter) => {
      const { name, typ } = readArgument({ written, classes }, parameter);
      // `Optional[x]` without a default is optional in the form, but Python still wants a value for it.
      return { name, kind: parameterKind(typ), hasDefault: parameter.fallback !== null, passing: parameter.passing };
    });
}

/** Python: the entry point is a top-level `def`. */
export const python: LanguageParser = { signature, parameters: parametersOf, imports: importsOf };
