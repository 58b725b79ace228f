import { closeBracket, endOfString, PIECE_LIMIT } from "./source.ts";
import { decodeString } from "./string.ts";

/**
 * What a docstring says about parameters: the lines `name: text` and `name (type): text` under `Args:`, up to a line
 * that opens another section.
 * @param source the file, `close` the position behind the bracket that ends the parameters
 */
export function describedParameters(source: string, close: number, names: ReadonlySet<string>): Map<string, string> {
  const described = new Map<string, string>();
  const lines = (docstringAt(source, close) ?? "").split("\n").map((line) => line.trim());
  const start = lines.indexOf("Args:");
  if (start < 0) return described;
  for (const line of lines.slice(start + 1)) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0)).split("(")[0]?.trim() ?? "";
    if (names.has(name)) described.set(name, line.slice(colon + 1).trim());
    else if (/^\w+:$/.test(line) && line !== "Args:") break;
  }
  return described;
}

function docstringAt(source: string, close: number): string | null {
  const end = Math.min(source.length, close + PIECE_LIMIT);
  let at = close;
  while (at < end && source[at] !== ":") {
    if (source[at] === "\n") return null;
    at = source[at] === "[" ? (closeBracket(source, at) ?? end) : at + 1;
  }
  const body = /^(?:\s|#[^\n]*\n)*[rRuU]?(?=["'])/.exec(source.slice(at + 1, end));
  if (body === null) return null;
  const open = at + 1 + body[0].length;
  return decodeString(source.slice(open, endOfString(source, open, end))).value;
}
