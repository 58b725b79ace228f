import { bash } from "./bash/signature.ts";
import { postgresql } from "./postgresql/language.ts";
import { python } from "./python/language.ts";
import type { LanguageParser } from "./signature.ts";
import { typescript } from "./typescript/language.ts";

/** To teach this package a language: write its folder, name it here. */
const PARSERS = new Map<string, LanguageParser>([
  ["bun", typescript],
  ["deno", typescript],
  ["nativets", typescript],
  ["bunnative", typescript],
  ["nodejs", typescript],
  ["python3", python],
  ["bash", bash],
  ["postgresql", postgresql],
]);

/** The parser of a language by Windmill's name of it, or null where signatures are not inferred. */
export function parserOf(language: string): LanguageParser | null {
  return PARSERS.get(language) ?? null;
}
