import { replaceJsonStrings } from "@towermill/contract";

/** What a string in arguments or in a resource stands for. */
export type Reference =
  | { kind: "variable"; path: string }
  | { kind: "resource"; path: string }
  | { kind: "encrypted"; ciphertext: string }
  | { kind: "contextual"; name: string };

/** Reads a string that is exactly one reference; any other string, `$` in front or not, stands for itself. */
export function referenceOf(text: string): Reference | null {
  if (!text.startsWith("$")) return null;
  if (text.startsWith("$var:")) return { kind: "variable", path: text.slice(5) };
  if (text.startsWith("$res:")) return { kind: "resource", path: text.slice(5) };
  if (text.startsWith("$encrypted:")) return { kind: "encrypted", ciphertext: text.slice(11) };
  return { kind: "contextual", name: text.slice(1) };
}

/** Whether a JSON text can hold a reference at all; nearly all do not, and are then left alone. */
export function mayHoldReference(json: string): boolean {
  return json.includes('"$') || /"\\u0024/i.test(json);
}

interface OpenArray {
  items: number;
  depth: number;
  outer: OpenArray | null;
}

const longestArray = 1000;
const deepestArray = 2;

/** Per string value, in order: whether it is looked at. Strings in long or deeply nested arrays are data, not references. */
function considered(json: string): boolean[] {
  const arrayOf: (OpenArray | null)[] = [];
  const opened: (OpenArray | null)[] = [];
  let array = null as OpenArray | null;
  const isSpaceBefore = (at: number): boolean => /\s/.test(json[at] ?? "");
  for (let at = 0; at < json.length; at += 1) {
    const char = json[at];
    if (char === '"') {
      let end = json.indexOf('"', at + 1);
      while (isEscaped(json, end)) end = json.indexOf('"', end + 1);
      at = end;
      let after = end + 1;
      while (isSpaceBefore(after)) after += 1;
      if (json[after] !== ":") arrayOf.push(array);
    } else if (char === "[" || char === "{") {
      opened.push(array);
      if (char === "[") array = { items: 1, depth: (array?.depth ?? 0) + 1, outer: array };
      else if (array) array = { items: 0, depth: array.depth, outer: array };
    } else if (char === "]" || char === "}") array = opened.pop() ?? null;
    else if (char === "," && array && array.items > 0) array.items += 1;
  }
  return arrayOf.map(isSmall);
}

function isEscaped(json: string, quote: number): boolean {
  let backslashes = 0;
  while (json.charCodeAt(quote - 1 - backslashes) === 92) backslashes += 1;
  return backslashes % 2 === 1;
}

function isSmall(innermost: OpenArray | null): boolean {
  for (let array = innermost; array; array = array.outer) {
    if (array.depth > deepestArray || array.items > longestArray) return false;
  }
  return true;
}

/**
 * Replaces the references of a valid JSON text: `replace` answers JSON text, or `null` to leave the string. Numbers, key
 * order and everything else stay as they were written.
 */
export function replaceReferences(json: string, replace: (reference: Reference) => string | null): string {
  if (!mayHoldReference(json)) return json;
  const looked = json.includes("[") ? considered(json) : null;
  let index = -1;
  return replaceJsonStrings(json, (text) => {
    index += 1;
    const reference = referenceOf(text);
    return reference && (looked?.[index] ?? true) ? replace(reference) : null;
  });
}

/** The references of a valid JSON text. */
export function referencesOf(json: string): Reference[] {
  const found: Reference[] = [];
  replaceReferences(json, (reference) => {
    found.push(reference);
    return null;
  });
  return found;
}
