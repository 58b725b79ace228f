import { parseSync, type EcmaScriptModule, type Program } from "oxc-parser";
import { isTooDeep } from "./nesting.ts";

/** Longest source that is parsed, in characters. */
const LONGEST = 4_000_000;

/** A parsed file, or why it could not be parsed. */
export type ParsedSource = { program: Program; module: EcmaScriptModule } | { invalid: string };

/** Parses TypeScript. Errors the parser recovers from (an unknown label, a duplicate name) do not make a file invalid. */
export function parseSource(content: string): ParsedSource {
  if (content.length > LONGEST) return { invalid: `the script is longer than ${LONGEST} characters` };
  if (isTooDeep(content)) return { invalid: "the script is nested too deeply" };
  const result = parseSync("script.ts", content, { lang: "ts", sourceType: "module", astType: "ts" });
  const program = result.program;
  const [error] = result.errors;
  if (error !== undefined && program.body.length === 0) {
    const at = error.labels[0]?.start;
    const line = at === undefined ? "" : ` in line ${content.slice(0, at).split("\n").length}`;
    return { invalid: `the script is no TypeScript: ${error.message}${line}` };
  }
  return { program, module: result.module };
}
