/** A piece of source: blanks and comments, a sign (one character, or `${`), or a word, number, string, regex, text. */
export type Token = { kind: "blank" | "sign" | "text"; text: string };

/** Where a token stands: in the text of a template literal, or behind an operand, where a slash divides. */
export type Place = { inTemplate: boolean; operand: boolean };

const BLANK = /\s+|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y;
const WORD = /[\w$\u0080-\uffff]+/y;
const STRING = /"(?:[^"\\\n]|\\[\s\S])*"?|'(?:[^'\\\n]|\\[\s\S])*'?/y;
const REGEX = /\/(?:[^/\\[\n]|\\[^\n]|\[(?:[^\]\\\n]|\\[^\n])*\])+\/\w*/;

/** Longer regular expressions are taken for divisions, lest a line of slashes be read again for each of them. */
const LONGEST_REGEX = 500;

/** The token at a position: enough of the grammar to find brackets and operators, never empty. */
export function tokenAt(source: string, at: number, { inTemplate, operand }: Place): Token {
  const char = source.charAt(at);
  if (inTemplate) return templateToken(source, at);
  if (char === "/" && !operand && source[at + 1] !== "/" && source[at + 1] !== "*") {
    const regex = REGEX.exec(source.slice(at, at + LONGEST_REGEX));
    return regex?.index === 0 ? { kind: "text", text: regex[0] } : { kind: "sign", text: char };
  }
  const word = match(WORD, source, at);
  if (word !== null) return { kind: "text", text: word };
  if (char === " " || char === "\n" || char === "/" || char < " ") {
    const blank = match(BLANK, source, at);
    return blank === null ? { kind: "sign", text: char } : { kind: "blank", text: blank };
  }
  if (char === '"' || char === "'") return { kind: "text", text: match(STRING, source, at) ?? char };
  return { kind: "sign", text: char };
}

function templateToken(source: string, at: number): Token {
  if (source.startsWith("${", at)) return { kind: "sign", text: "${" };
  if (source[at] === "`") return { kind: "sign", text: "`" };
  let end = at;
  while (end < source.length && source[end] !== "`" && !source.startsWith("${", end))
    end += source[end] === "\\" ? 2 : 1;
  return { kind: "text", text: source.slice(at, end) };
}

function match(pattern: RegExp, source: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0] ?? null;
}
