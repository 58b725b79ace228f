import type { Import } from "../signature.ts";

const LONGEST_STATEMENT = 20_000;

/** The imports of a Python file, anywhere in it, outside of triple-quoted strings. */
export function importsOf(source: string): Import[] {
  const found: Import[] = [];
  const lines = source.split("\n");
  let open: string | null = null;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "";
    if (open === null && /^[ \t]*(?:import|from)[ \t.]/.test(line)) {
      const { statement, end } = statementAt(lines, i);
      for (const part of statement.split(";")) found.push(...readStatement(part));
      i = end;
      continue;
    }
    for (const [mark] of line.matchAll(/"""|'''/g)) open = open === null ? mark : open === mark ? null : open;
  }
  return found;
}

/** An import with the lines it continues on, without comments; `end` is the last of these lines. */
function statementAt(lines: readonly string[], start: number): { statement: string; end: number } {
  let statement = "";
  let end = start;
  for (; end < lines.length; end++) {
    const line = (lines[end] ?? "").split("#")[0]?.trimEnd() ?? "";
    const continues = line.endsWith("\\");
    statement += continues ? `${line.slice(0, -1)} ` : `${line} `;
    const unclosed = statement.includes("(") && !statement.includes(")");
    if ((!continues && !unclosed) || statement.length > LONGEST_STATEMENT) break;
  }
  return { statement: statement.slice(0, LONGEST_STATEMENT), end };
}

function readStatement(statement: string): Import[] {
  const words: readonly string[] = statement.match(/[^\s,().;*]+|[.,*]/g) ?? [];
  const isFrom = words[0] === "from";
  if (!isFrom && words[0] !== "import") return [];
  if (!isFrom) return items(words.slice(1)).map((module) => ({ module, names: [] }));
  const at = words.indexOf("import");
  const module = words.slice(1, at < 0 ? 1 : at).join("");
  return module === "" ? [] : [{ module, names: items(words.slice(at + 1)) }];
}

/** `a.b as c, d` as `a.b` and `d`. */
function items(words: readonly string[]): string[] {
  const found: string[] = [];
  let item = "";
  let renamed = false;
  for (const word of [...words, ","]) {
    if (word === ",") {
      if (item !== "") found.push(item);
      item = "";
      renamed = false;
    } else if (word === "as") renamed = true;
    else if (!renamed) item += word;
  }
  return found;
}
