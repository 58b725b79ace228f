/** The items of a JSON array, each as its own text, numbers as they were written; `null` when it is no array. */
export function jsonItems(text: string): string[] | null {
  const value: unknown = JSON.parse(text);
  if (!Array.isArray(value)) return null;
  const items: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') at = closingQuote(text, at);
    else if (char === "[" || char === "{") {
      depth += 1;
      if (depth === 1) start = at + 1;
    } else if (char === "]" || char === "}") {
      depth -= 1;
      if (depth === 0 && value.length > 0) items.push(text.slice(start, at).trim());
    } else if (char === "," && depth === 1) {
      items.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  return items;
}

function closingQuote(text: string, start: number): number {
  for (let at = start + 1; ; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === '"') return at;
  }
}
