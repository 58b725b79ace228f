/** Longest piece of source that is parsed; what is longer is refused, because the parser is slow on hostile input. */
export const PIECE_LIMIT = 30_000;

/** Where the head of a function stands: `from` is its `def`, `open` its bracket, `close` just behind the closing one. */
export type FunctionHead = { from: number; open: number; close: number | null };

/**
 * The first `def name(` or `async def name(` in the first column, found in the text as the official parser does, so
 * that a body with errors does not hide its signature. `close` is null when the bracket is never closed.
 */
export function findFunction(source: string, name: string): FunctionHead | null {
  const needle = `def ${name}(`;
  for (let at = source.indexOf(needle); at >= 0; at = source.indexOf(needle, at + 1)) {
    const from = source.startsWith("async ", at - 6) ? at - 6 : at;
    if (from !== 0 && source[from - 1] !== "\n") continue;
    const open = at + needle.length - 1;
    return { from, open, close: closeBracket(source, open) };
  }
  return null;
}

/** The position behind the bracket that closes the one at `open`, or null. Strings and comments are skipped. */
export function closeBracket(source: string, open: number): number | null {
  const end = Math.min(source.length, open + PIECE_LIMIT);
  let depth = 0;
  for (let at = open; at < end;) {
    const char = source[at] ?? "";
    if (char === "#") at = endOfLine(source, at);
    else if (char === '"' || char === "'") at = endOfString(source, at, end);
    else {
      if ("([{".includes(char)) depth++;
      else if (")]}".includes(char) && --depth === 0) return at + 1;
      at++;
    }
  }
  return null;
}

/** The position behind the string that opens at `at`; an unclosed one ends with its line, or at `end` if tripled. */
export function endOfString(source: string, at: number, end: number): number {
  const quote = source[at] ?? "";
  const mark = source.startsWith(quote.repeat(3), at) ? quote.repeat(3) : quote;
  for (let i = at + mark.length; i < end; i++) {
    if (source[i] === "\\") i++;
    else if (source.startsWith(mark, i)) return i + mark.length;
    else if (source[i] === "\n" && mark.length === 1) return i;
  }
  return end;
}

/** The top-level classes of a file by name, each with its decorators; the first of a name counts. */
export function findClasses(source: string): Map<string, string> {
  const classes = new Map<string, string>();
  const lines = source.split("\n");
  let decorated: number | null = null;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "";
    const name = line.startsWith("class ") ? /^class (\w{1,200})/.exec(line)?.[1] : undefined;
    if (name !== undefined) {
      const end = endOfBlock(lines, i);
      if (!classes.has(name)) classes.set(name, lines.slice(decorated ?? i, end).join("\n"));
      i = end - 1;
    }
    if (line.startsWith("@")) decorated ??= i;
    else if (line.trim() !== "") decorated = null;
  }
  return classes;
}

function endOfBlock(lines: readonly string[], start: number): number {
  let open: string | null = null;
  for (let i = start; i < lines.length; i++) {
    const line = lines[i] ?? "";
    if (i > start && open === null && /^[^\s#)\]}]/.test(line)) return i;
    for (const [mark] of line.matchAll(/"""|'''/g)) open = open === null ? mark : open === mark ? null : open;
  }
  return lines.length;
}

function endOfLine(source: string, at: number): number {
  const end = source.indexOf("\n", at);
  return end < 0 ? source.length : end;
}
