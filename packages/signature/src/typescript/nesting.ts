import { tokenAt } from "./tokens.ts";

/**
 * The parser is native and recursive: nested some ten thousand levels it overflows its stack and takes the whole
 * process with it, which no `catch` can prevent. So nothing is parsed that may be nested deeper than this.
 */
const DEEPEST = 1500;

/** `.b`, `()` and tagged templates are read in a loop, but the tree they make is as deep, and freed by recursion. */
const LINK = 1 / 16;

/** Words that the parser answers with recursion; other words are operands. */
// prettier-ignore
const WORDS_THAT_NEST = new Set([
  "if", "else", "for", "while", "do", "with", "new", "typeof", "void", "delete", "await", "yield", "keyof", "async",
  "readonly", "unique", "infer", "asserts", "is", "as", "satisfies", "extends", "in", "of", "instanceof", "return",
  "throw", "case", "default", "import", "export", "abstract", "namespace", "module", "declare",
]);

const WORDS_BEFORE_STATEMENT = new Set(["if", "while", "for", "with"]);

/** Words that go on with the statement before a semicolon or a closing brace. */
const WORDS_THAT_CONTINUE = new Set(["else", "while", "as", "satisfies", "is", "extends", "in", "instanceof"]);

/**
 * What stands open: the bracket, how many operators its statement has chained so far and how many of them are open
 * angles, and whether the bracket belongs to `if (…)` and the like.
 */
type Level = { bracket: string; chain: number; angles: number; control: boolean };

type State = {
  levels: Level[];
  /** The sum of all chains. */
  chained: number;
  deepest: number;
  /** Whether an operand just ended, so that a slash divides. */
  operand: boolean;
  /** What may have ended the statement: only the next token tells. */
  ended: "" | ";" | "}" | "\n";
  last: string;
};

/**
 * Whether a TypeScript source may be nested too deeply to be parsed: an estimate from its tokens that counts open
 * brackets and the operators chained within a statement.
 */
export function isTooDeep(source: string): boolean {
  if (source.length < DEEPEST) return false;
  const levels = [{ bracket: "", chain: 0, angles: 0, control: false }];
  const state: State = { levels, chained: 0, deepest: 0, operand: false, ended: "", last: "" };
  for (let at = 0; at < source.length;) {
    const inTemplate = state.levels.at(-1)?.bracket === "`";
    const token = tokenAt(source, at, { inTemplate, operand: state.operand });
    at += token.text.length;
    if (token.kind === "blank") {
      if (state.ended === "" && state.operand && token.text.includes("\n")) state.ended = "\n";
    } else if (token.kind === "text") {
      if (!inTemplate) acceptOperand(state, token.text);
    } else acceptSign(state, token.text);
    if (state.deepest > DEEPEST) return true;
  }
  return false;
}

function acceptOperand(state: State, text: string): void {
  const nests = WORDS_THAT_NEST.has(text);
  if (state.ended !== "" && !(state.ended === "\n" ? nests : WORDS_THAT_CONTINUE.has(text))) endStatement(state);
  state.ended = "";
  if (nests) chain(state);
  state.operand = !nests;
  state.last = text;
}

function acceptSign(state: State, sign: string): void {
  const level = state.levels.at(-1);
  if (level === undefined) return;
  if (sign === "`" && level.bracket === "`") return close(state, sign);
  if (sign === "`" || sign === "${" || sign === "(" || sign === "[" || sign === "{") return open(state, sign);
  if (sign === ")" || sign === "]" || sign === "}") return close(state, sign);
  if (state.ended === ";") endStatement(state);
  state.ended = sign === ";" ? ";" : "";
  if (sign === ",") {
    state.chained -= level.chain - level.angles;
    level.chain = level.angles;
  } else if (sign === ">" && state.last !== "=" && level.angles > 0) level.angles--;
  else if (sign !== ";") {
    if (sign === "<") level.angles++;
    chain(state, sign === "." ? LINK : 1);
  }
  state.operand = false;
  state.last = sign;
}

function open(state: State, bracket: string): void {
  if (state.ended === ";") endStatement(state);
  const control = bracket === "(" && WORDS_BEFORE_STATEMENT.has(state.last);
  state.levels.push({ bracket, chain: 0, angles: 0, control });
  state.deepest = Math.max(state.deepest, state.levels.length + state.chained);
  state.operand = false;
  state.ended = "";
  state.last = bracket;
}

function close(state: State, sign: string): void {
  const closed = state.levels.length > 1 ? state.levels.pop() : undefined;
  state.chained -= closed?.chain ?? 0;
  if (sign !== "}") chain(state, sign === "]" ? 1 : LINK);
  state.operand = sign !== "}" && closed?.control !== true;
  state.ended = sign === "}" ? "}" : "";
  state.last = sign;
}

function chain(state: State, weight = 1): void {
  const level = state.levels.at(-1);
  if (level === undefined || level.bracket === "`") return;
  level.chain += weight;
  state.chained += weight;
  state.deepest = Math.max(state.deepest, state.levels.length + state.chained);
}

function endStatement(state: State): void {
  const level = state.levels.at(-1);
  if (level === undefined) return;
  state.chained -= level.chain;
  level.chain = 0;
  level.angles = 0;
}
