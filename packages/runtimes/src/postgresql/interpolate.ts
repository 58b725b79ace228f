import type { SqlInterpolation } from "@towermill/signature";

/** Names of tables and columns, with a schema in front or not. */
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*){0,2}$/;

/**
 * Puts arguments into the text of a script where it says `%%name%%`.
 * @throws Error for a value that is none of the choices, or that is no plain identifier
 */
export function interpolateText(
  content: string,
  pieces: readonly SqlInterpolation[],
  args: ReadonlyMap<string, string>,
): string {
  let text = content;
  for (const { name, choices, default: fallback } of pieces) {
    const json = args.get(name);
    const value: unknown = json === undefined || json === "null" ? fallback : JSON.parse(json);
    if (typeof value !== "string") throw new Error(`\`${name}\` must be a text: it replaces %%${name}%%`);
    if (choices === null ? !IDENTIFIER.test(value) : !choices.includes(value)) {
      const allowed = choices === null ? "letters, digits, _ and ." : choices.join(", ");
      throw new Error(`\`${name}\` cannot be ${JSON.stringify(value)}: allowed are ${allowed}`);
    }
    text = text.replaceAll(`%%${name}%%`, () => value);
  }
  return text;
}
