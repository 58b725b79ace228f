import type { Json, Typ } from "./typ.ts";

/**
 * One parameter of an entry point. `default` is null both for "no default" and for one that is no JSON literal; absent
 * for the database of SQL, whose schema then names none.
 */
export type Argument = {
  name: string;
  typ: Typ;
  /** The type as written, or the description in the docstring; only where a parser gives one. */
  otyp?: string;
  default?: Json;
  hasDefault: boolean;
};

/** What calling a script takes. `lib` has no entry point, `wac` is a workflow written as code. */
export type ValidSignature = {
  valid: true;
  args: Argument[];
  autoKind: null | "lib" | "wac";
  hasMain: boolean;
  hasPreprocessor: boolean;
  starArgs: boolean;
  starKwargs: boolean;
};

/** The source cannot be understood; `reason` says why, for people. */
export type InvalidSignature = { valid: false; reason: string };

export type Signature = ValidSignature | InvalidSignature;

/** How a wrapper converts one JSON argument before it calls a function. */
export type ParameterKind = "date" | "datetime" | "bytes" | "plain";

/** One parameter of a function, in the order of its declaration. */
export type Parameter = {
  name: string;
  kind: ParameterKind;
  /** Whether the function can be called without it. */
  hasDefault: boolean;
  /** `either` can be passed by position or by name; the others only as they say. */
  passing: "either" | "positional" | "keyword";
};

/** One import of a script: the module as written, and the names taken from it (empty for the module as a whole). */
export type Import = { module: string; names: string[] };

/** What this package knows about one language. */
export type LanguageParser = {
  signature: (content: string, entrypoint: string) => Signature;
  parameters: (content: string, entrypoint: string) => Parameter[] | null;
  imports: (content: string) => Import[];
};

/** A signature that has no entry point. */
export function libSignature(hasPreprocessor: boolean): ValidSignature {
  return {
    valid: true,
    args: [],
    autoKind: "lib",
    hasMain: false,
    hasPreprocessor,
    starArgs: false,
    starKwargs: false,
  };
}

/** The conversion a parameter of this type needs. */
export function parameterKind(typ: Typ): ParameterKind {
  return typ === "date" || typ === "datetime" || typ === "bytes" ? typ : "plain";
}
