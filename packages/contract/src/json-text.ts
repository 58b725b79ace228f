/**
 * JSON kept as text. Arguments and results pass through the platform without being re-serialised, so that integers
 * beyond 2^53, key order and number spelling arrive as they were sent. These functions look into such texts.
 */

/** Deepest nesting accepted at the edge; JSON.stringify and structuredClone fail at 5,000, PostgreSQL at about 10,000. */
export const maximumDepth = 500;

/** Index after the string literal that starts at `start` (a `"`). The text is valid JSON. */
function afterString(text: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === 92) backslashes += 1;
    if (backslashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

function isSpace(code: number): boolean {
  return code === 32 || code === 10 || code === 13 || code === 9;
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (at < text.length && isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

/** Index after the value that starts at `start`. The text is valid JSON. */
function afterValue(text: string, start: number): number {
  const first = text[start];
  if (first === '"') return afterString(text, start);
  if (first !== "{" && first !== "[") {
    let at = start;
    while (at < text.length && !",]}".includes(text[at] ?? "") && !isSpace(text.charCodeAt(at))) at += 1;
    return at;
  }
  let depth = 0;
  for (let at = start; at < text.length;) {
    const char = text[at];
    if (char === '"') {
      at = afterString(text, at);
      continue;
    }
    if (char === "{" || char === "[") depth += 1;
    if (char === "}" || char === "]") depth -= 1;
    at += 1;
    if (depth === 0) return at;
  }
  return text.length;
}

/** Deepest nesting of a valid JSON text. */
export function jsonDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length;) {
    const char = text.charCodeAt(at);
    if (char === 34) {
      at = afterString(text, at);
      continue;
    }
    if (char === 123 || char === 91) deepest = Math.max(deepest, (depth += 1));
    else if (char === 125 || char === 93) depth -= 1;
    at += 1;
  }
  return deepest;
}

/**
 * The members of a JSON object, each value as its own text. The last of equal keys wins, as in JSON.parse.
 * @throws SyntaxError when `text` is not valid JSON, TypeError when it is not an object
 */
export function jsonMembers(text: string): Map<string, string> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new TypeError("expected a JSON object");
  const members = new Map<string, string>();
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (text[at] === '"') {
    const keyEnd = afterString(text, at);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    const valueStart = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const valueEnd = afterValue(text, valueStart);
    members.set(key, text.slice(valueStart, valueEnd));
    at = skipSpace(text, valueEnd);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return members;
}

/**
 * The elements of a JSON array, each as its own text.
 * @throws SyntaxError when `text` is not valid JSON, TypeError when it is not an array
 */
export function jsonElements(text: string): string[] {
  if (!Array.isArray(JSON.parse(text))) throw new TypeError("expected a JSON array");
  const elements: string[] = [];
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (at < text.length && text[at] !== "]") {
    const end = afterValue(text, at);
    elements.push(text.slice(at, end));
    at = skipSpace(text, end);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return elements;
}

/** Writes an object from values that are JSON texts already. */
export function jsonObject(members: Iterable<readonly [string, string]>): string {
  return `{${Array.from(members, ([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`;
}

/**
 * Replaces string values (not keys) of a valid JSON text; `replace` gets the decoded string and answers JSON text, or
 * `null` to keep it. Everything else stays as it was written.
 */
export function replaceJsonStrings(text: string, replace: (value: string) => string | null): string {
  const parts: string[] = [];
  let copied = 0;
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at)) {
    const end = afterString(text, at);
    const isKey = text[skipSpace(text, end)] === ":";
    const replacement = isKey ? null : replace(JSON.parse(text.slice(at, end)) as string);
    if (replacement !== null) {
      parts.push(text.slice(copied, at), replacement);
      copied = end;
    }
    at = end;
  }
  parts.push(text.slice(copied));
  return parts.join("");
}

/** All string values of a valid JSON text (keys left out) that `wanted` accepts. */
export function jsonStrings(text: string, wanted: (value: string) => boolean): string[] {
  const found: string[] = [];
  replaceJsonStrings(text, (value) => {
    if (wanted(value)) found.push(value);
    return null;
  });
  return found;
}
