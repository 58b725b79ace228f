import type { ParamPattern } from "oxc-parser";
import {
  libSignature,
  parameterKind,
  type Argument,
  type LanguageParser,
  type Parameter,
  type Signature,
} from "../signature.ts";
import { argumentsOf } from "./arguments.ts";
import { declarationsOf, type Declarations } from "./declarations.ts";
import { importsOf } from "./imports.ts";
import { parseSource } from "./source.ts";
import { typeScope } from "./types.ts";
import { workflowParameters } from "./workflow.ts";

/** The entry point of a file: its parameters, and whether it is a workflow written as code. */
type Entry = { params: readonly ParamPattern[]; autoKind: null | "wac" };

type Found = { declarations: Declarations; entry: Entry | null };

function find(content: string, entrypoint: string): Found | { invalid: string } {
  const parsed = parseSource(content);
  if ("invalid" in parsed) return parsed;
  const declarations = declarationsOf(parsed.program);
  const declared = declarations.functions.get(entrypoint);
  if (declared !== undefined) return { declarations, entry: { params: declared.params, autoKind: null } };
  const params = entrypoint === "main" ? workflowParameters(parsed.program) : null;
  return { declarations, entry: params === null ? null : { params, autoKind: "wac" } };
}

function readArguments(declarations: Declarations, params: readonly ParamPattern[]): Argument[] | null {
  return argumentsOf(typeScope(declarations), params);
}

function signature(content: string, entrypoint: string): Signature {
  const found = find(content, entrypoint);
  if ("invalid" in found) return { valid: false, reason: found.invalid };
  const { declarations, entry } = found;
  const hasPreprocessor = declarations.functions.has("preprocessor");
  if (entry === null) return libSignature(hasPreprocessor);
  const args = readArguments(declarations, entry.params);
  if (args === null) {
    return { valid: false, reason: `${entrypoint} has a rest or list parameter; every parameter needs a name` };
  }
  return {
    valid: true,
    args,
    autoKind: entry.autoKind,
    hasMain: true,
    hasPreprocessor,
    starArgs: false,
    starKwargs: false,
  };
}

function parameters(content: string, entrypoint: string): Parameter[] | null {
  const found = find(content, entrypoint);
  if ("invalid" in found || found.entry === null) return null;
  const args = readArguments(found.declarations, found.entry.params);
  if (args === null) return null;
  return args.map(({ name, typ, hasDefault }) => {
    return { name, kind: parameterKind(typ), hasDefault, passing: "positional" };
  });
}

/** TypeScript, for all its runtimes: the entry point is a top-level `function`. */
export const typescript: LanguageParser = { signature, parameters, imports: importsOf };
