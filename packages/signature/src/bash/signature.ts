import { parameterKind, type Argument, type LanguageParser, type Signature } from "../signature.ts";

/** `name="$1"` or `name="${1:-default}"` from the first column to the end of the line, a comment may follow. */
const ASSIGNMENT = /^(\w+)="\$(?:(\d+)|\{(\d+)\}|\{(\d+):-(.*)\})"[ \t]*(?:#.*)?\r?$/;

/** Positions above this are no parameters but nonsense; it keeps `args` from growing with a number in the source. */
const HIGHEST_POSITION = 2 ** 31 - 1;

/**
 * The positional parameters a Bash script takes: they count from 1, and the first gap ends them. When a position is
 * read twice the last name wins. All are strings.
 */
function signature(content: string): Signature {
  const positions = new Map<number, Argument>();
  for (const line of content.split("\n")) {
    const match = line.includes('="$') ? ASSIGNMENT.exec(line) : null;
    if (match === null) continue;
    const [, name = "", bare, braced, withDefault, fallback] = match;
    const position = Number(bare ?? braced ?? withDefault);
    if (position > HIGHEST_POSITION) return { valid: false, reason: `$${position} is not a positional parameter` };
    const hasDefault = fallback !== undefined;
    positions.set(position, { name, typ: { str: null }, default: fallback ?? null, hasDefault });
  }
  const args: Argument[] = [];
  for (let position = 1; ; position++) {
    const arg = positions.get(position);
    if (arg === undefined) break;
    args.push(arg);
  }
  return {
    valid: true,
    args,
    autoKind: null,
    hasMain: true,
    hasPreprocessor: false,
    starArgs: false,
    starKwargs: false,
  };
}

/** Bash: the arguments are the positional parameters a script reads; a script is its own entry point. */
export const bash: LanguageParser = {
  signature,
  parameters(content) {
    const found = signature(content);
    if (!found.valid) return null;
    return found.args.map(({ name, typ, hasDefault }) => {
      return { name, kind: parameterKind(typ), hasDefault, passing: "positional" };
    });
  },
  imports: () => [],
};
