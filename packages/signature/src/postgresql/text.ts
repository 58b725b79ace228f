/** What is skipped whole (comments, strings, names, dollar quotes; what never ends goes on to the end), and `$N`. */
const TOKEN =
  /--[^\n]*|\/\*[^]*?(?:\*\/|$)|'[^']*(?:'|$)|"[^"]*(?:"|$)|\$([A-Za-z_]\w*)?\$[^]*?(?:\$\1\$|$)|\$(\d+)(?:::([A-Za-z_]\w*))?/g;

/** The rest of types of several words, and the one word that stands for them. */
const LONG_NAMES = new Map<string, readonly (readonly [RegExp, string])[]>([
  ["timestamp", zoned("timestamp")],
  ["time", zoned("time")],
  ["character", [[/\s+varying\b/iy, "varchar"]]],
  ["double", [[/\s+precision\b/iy, "double"]]],
]);

function zoned(name: string): [RegExp, string][] {
  return [
    [/\s+with\s+time\s+zone\b/iy, `${name}tz`],
    [/\s+without\s+time\s+zone\b/iy, name],
  ];
}

/** The positions of the `$N` of a text, each with the type of its first `$N::type` in lower case, null without one. */
export function castsOf(content: string): Map<number, string | null> {
  const casts = new Map<number, string | null>();
  for (const match of content.matchAll(TOKEN)) {
    const [token, , digits, type] = match;
    if (digits === undefined) continue;
    const position = Number(digits);
    const cast = type === undefined ? null : wholeType(content, type.toLowerCase(), match.index + token.length);
    if (!casts.has(position) || casts.get(position) === null) casts.set(position, cast);
  }
  return casts;
}

function wholeType(content: string, first: string, end: number): string {
  let name = first;
  let at = end;
  for (const [rest, short] of LONG_NAMES.get(first) ?? []) {
    rest.lastIndex = at;
    if (!rest.test(content)) continue;
    name = short;
    at = rest.lastIndex;
    break;
  }
  return content.startsWith("[]", at) ? `${name}[]` : name;
}
