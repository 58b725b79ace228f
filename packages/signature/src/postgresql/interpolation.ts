/** A piece of a script's text that an argument replaces: `%%name%%`. */
export type SqlInterpolation = {
  name: string;
  /** What it may be; null = any safe identifier. */
  choices: string[] | null;
  default: string | null;
};

/** `-- %%name%% a/b = default`; the choices and the default may be left out. */
const DIRECTIVE = /^-- %%(\w+)%%([^=\n]*)(?:=([^\n]*))?$/;

/** The `%%name%%` a script declares, in order. */
export function sqlInterpolations(content: string): SqlInterpolation[] {
  const found: SqlInterpolation[] = [];
  for (const line of content.split("\n")) {
    const match = line.startsWith("-- %%") ? DIRECTIVE.exec(line) : null;
    if (match === null) continue;
    const [, name = "", listed = "", fallback] = match;
    const choices = listed.trim() === "" ? null : listed.split("/").map((choice) => choice.trim());
    found.push({ name, choices, default: fallback?.trim() ?? null });
  }
  return found;
}
