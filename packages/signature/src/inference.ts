import { parserOf } from "./language.ts";
import { emptySchema, schemaOf, type Schema } from "./schema.ts";
import type { Import, Parameter, Signature } from "./signature.ts";

/** A script to look at. `language` is Windmill's name (`bun`, `python3`, …), `entrypoint` is `main` unless said. */
export type Script = { language: string; content: string; entrypoint?: string | undefined };

/** The schema of a script and what else its source tells; `invalid` says why it could not be understood. */
export type InferredSchema = {
  schema: Schema;
  autoKind: null | "lib" | "wac";
  hasMain: boolean;
  hasPreprocessor: boolean;
  invalid?: string;
};

/**
 * What calling a script takes, or null for a language without inference. Never throws: a source that cannot be
 * parsed, or is too large or too deeply nested to try, is an invalid signature.
 */
export function parseSignature(language: string, content: string, entrypoint = "main"): Signature | null {
  const parser = parserOf(language);
  if (parser === null) return null;
  try {
    return parser.signature(content, entrypoint);
  } catch (error) {
    return { valid: false, reason: `the script could not be parsed: ${messageOf(error)}` };
  }
}

/**
 * The JSON Schema of a script's arguments, merged with its `previous` schema, or null for a language without
 * inference. An invalid script gets the schema without arguments, as the official command line does.
 */
export function inferSchema(script: Script & { previous?: unknown }): InferredSchema | null {
  const signature = parseSignature(script.language, script.content, script.entrypoint);
  if (signature === null) return null;
  if (!signature.valid) {
    const nothing = { autoKind: null, hasMain: false, hasPreprocessor: false };
    return { schema: emptySchema(), ...nothing, invalid: signature.reason };
  }
  const { autoKind, hasMain, hasPreprocessor } = signature;
  return { schema: schemaOf(signature, script.previous), autoKind, hasMain, hasPreprocessor };
}

/**
 * The parameters of any top-level function of a script, in order, for a wrapper that calls it; null where the
 * function, or its parameters, cannot be found.
 */
export function parameterNames(language: string, content: string, entrypoint = "main"): Parameter[] | null {
  try {
    return parserOf(language)?.parameters(content, entrypoint) ?? null;
  } catch {
    return null;
  }
}

/**
 * The modules a script imports, as written, sorted and without repeats. TypeScript: static imports, re-exports and
 * dynamic imports of a literal, those of types alone left out. Python: absolute and relative (`.a.b`) modules.
 */
export function imports(language: string, content: string): string[] {
  return [...new Set(importStatements(language, content).map((statement) => statement.module))].sort();
}

/** Like `imports`, one entry per statement, with the names taken: `from f.a import b` may mean the script `f/a/b`. */
export function importStatements(language: string, content: string): Import[] {
  try {
    return parserOf(language)?.imports(content) ?? [];
  } catch {
    return [];
  }
}

function messageOf(error: unknown): string {
  if (error instanceof RangeError) return "it is nested too deeply";
  return error instanceof Error ? error.message : String(error);
}
