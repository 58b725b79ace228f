/** One statement ready to be sent: its `$N` count from 1 without gaps. */
export interface Statement {
  text: string;
  /** The script's position of `$1`, `$2`, … of `text`. */
  positions: number[];
}

/** Names of types, by position, that are put behind a `$N`; none where PostgreSQL is to find the type itself. */
export type Casts = ReadonlyMap<number, string>;

const TOKEN =
  /(--[^\n]*|\/\*|\s+)|\$(\d+)|(;)|(\()|(\))|[eE]'[^'\\]*(?:\\[^][^'\\]*)*(?:'|$)|'[^']*(?:'|$)|"[^"]*(?:"|$)|\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$[^]*?(?:\$\6\$|$)|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|[^]/y;

/**
 * Splits a script at the semicolons that end statements: not those in strings, quoted names, dollar quotes, comments
 * (which nest) or parentheses. Statements of comments alone are left out.
 */
export function splitStatements(content: string, casts: Casts): Statement[] {
  const statements: Statement[] = [];
  let open = new OpenStatement(casts);
  let depth = 0;
  for (let at = 0; at < content.length;) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(content);
    if (match === null) break;
    const [token, blank, digits, semicolon, opening, closing] = match;
    const end = token === "/*" ? endOfComment(content, at) : TOKEN.lastIndex;
    if (opening !== undefined) depth += 1;
    if (closing !== undefined) depth = Math.max(0, depth - 1);
    if (semicolon !== undefined && depth === 0) {
      statements.push(...open.end());
      open = new OpenStatement(casts);
    } else if (digits !== undefined) open.addParameter(Number(digits));
    else open.add(content.slice(at, end), blank === undefined);
    at = end;
  }
  return [...statements, ...open.end()];
}

class OpenStatement {
  readonly #casts: Casts;
  readonly #parts: string[] = [];
  readonly #positions: number[] = [];
  #hasCode = false;

  constructor(casts: Casts) {
    this.#casts = casts;
  }

  add(text: string, isCode: boolean): void {
    this.#parts.push(text);
    this.#hasCode ||= isCode;
  }

  addParameter(position: number): void {
    if (!this.#positions.includes(position)) this.#positions.push(position);
    const cast = this.#casts.get(position);
    this.add(`$${this.#positions.indexOf(position) + 1}${cast === undefined ? "" : `::${cast}`}`, true);
  }

  end(): Statement[] {
    return this.#hasCode ? [{ text: this.#parts.join("").trim(), positions: this.#positions }] : [];
  }
}

function endOfComment(content: string, start: number): number {
  const edge = /\/\*|\*\//g;
  edge.lastIndex = start;
  let depth = 0;
  for (let match = edge.exec(content); match !== null; match = edge.exec(content)) {
    depth += match[0] === "/*" ? 1 : -1;
    if (depth === 0) return edge.lastIndex;
  }
  return content.length;
}
