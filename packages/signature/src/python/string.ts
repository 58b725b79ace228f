/** A decoded string literal; of a bytes literal `value` has one character per byte. */
export type DecodedString = { value: string; bytes: boolean };

const SIMPLE: { [escape: string]: string } = {
  "\n": "",
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|\r\n|([\s\S]))/g;

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/**
 * The value of one Python string literal, prefix and quotes included. Unknown escapes stay as written, as in Python;
 * `\N{…}` too, since it needs the table of Unicode names.
 */
export function decodeString(source: string): DecodedString {
  const prefix = /^[a-zA-Z]*/.exec(source)?.[0].toLowerCase() ?? "";
  const quoted = source.slice(prefix.length);
  const width = quoted.length >= 6 && (quoted.startsWith('"""') || quoted.startsWith("'''")) ? 3 : 1;
  const body = quoted.slice(width, -width);
  const bytes = prefix.includes("b");
  const value = prefix.includes("r") ? body : body.replace(ESCAPE, (...match) => decodeEscape(match, bytes));
  return { value: value.replace(LONE_SURROGATE, "\ufffd"), bytes };
}

function decodeEscape(match: unknown[], bytes: boolean): string {
  const [whole, hex, short, long, octal, other] = match.map((group) => (typeof group === "string" ? group : undefined));
  if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16));
  if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8));
  const code = short ?? long;
  if (code !== undefined) {
    const point = parseInt(code, 16);
    return bytes || point > 0x10ffff ? (whole ?? "") : String.fromCodePoint(point);
  }
  if (other === undefined) return "";
  return SIMPLE[other] ?? `\\${other}`;
}
